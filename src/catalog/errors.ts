/**
 * Why the catalog could not do what was asked. The set is closed; a code names the cause.
 * - `busy`: another process kept it locked for too long.
 * - `full`: no room to write.
 * - `corrupt`: what is stored is damaged, or was never a catalog.
 * - `newer-schema`: a newer Holdfast wrote it.
 * - `unavailable`: it cannot be reached, opened or written.
 * - `closed`: by this process itself; nothing will change that.
 */
export type CatalogErrorCode = 'busy' | 'full' | 'corrupt' | 'newer-schema' | 'unavailable' | 'closed';

/** The one error that crosses the catalog seam. Its message says which catalog, what happened and what to do. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError';
  readonly code: CatalogErrorCode;

  constructor(code: CatalogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}
