import type { ObjectOutline, ObjectVersion } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import { digestByReading, headIfThere } from './prove.ts';
import type { Site } from './site.ts';

export type SourceAudit =
  | { readonly state: 'right'; readonly version: string; readonly sha256: string }
  /** Its bytes changed though neither its version did nor, at a filesystem, its size and time. */
  | { readonly state: 'damaged'; readonly version: string; readonly sha256: string; readonly why: string }
  /** Not the version that the catalog has: what that means is decided by a pass. */
  | { readonly state: 'changed' }
  | { readonly state: 'unreadable'; readonly error: ProviderError };

export interface AuditSourceOptions {
  readonly onBytes: (bytes: number) => void;
}

/**
 * Whether the source's object has another version only because something about it changed that is not its content: its
 * size and its modification time are the same, at a provider whose times would tell two writes apart. (A change of
 * mode, a copy to another disk; or bytes that changed with nobody writing.) Only reading tells which.
 */
export function isOnlyTouched(source: Site, found: ObjectVersion, row: ObjectVersion): boolean {
  const { version, size, modifiedAt } = row;
  if (source.preciseTimes !== true || found.version === version) return false;
  return found.size === size && found.modifiedAt === modifiedAt;
}

/** Reads the source's object and compares it with what is known of this version. Damage is read twice before it counts. */
export async function auditSource(
  source: Site,
  row: ObjectOutline,
  sha256: string,
  { onBytes }: AuditSourceOptions,
  signal: AbortSignal,
): Promise<SourceAudit> {
  const { key, size } = row;
  try {
    const head = await headIfThere(source.provider, key, signal);
    if (head === undefined || (head.version !== row.version && !isOnlyTouched(source, head, row))) {
      return { state: 'changed' };
    }
    const { version } = head;
    const candidate = { provider: source.provider, key, version, size };
    const read = async (): Promise<string> => (await digestByReading(candidate, [], onBytes, signal)).sha256;
    if ((await read()) === sha256) return { state: 'right', version, sha256 };
    const found = await read();
    if (found === sha256) return { state: 'right', version, sha256 };
    return { state: 'damaged', version, sha256: found, why: damage(found, sha256) };
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    if (error.code === 'conflict' || error.code === 'not-found') return await shorter(source, row, error, signal);
    return { state: 'unreadable', error };
  }
}

function damage(found: string, known: string): string {
  return (
    `the source's own bytes changed though its version did not: their SHA-256 is ${found} instead of ${known}; the copies ` +
    'are kept as they are. If the change is meant, write the object again'
  );
}

/** The read broke off: the object moved on, or this very version is not as long as it was. */
async function shorter(
  { provider }: Site,
  row: ObjectOutline,
  error: ProviderError,
  signal: AbortSignal,
): Promise<SourceAudit> {
  const head = await headIfThere(provider, row.key, signal);
  if (head?.version !== row.version) return { state: 'changed' };
  if (head.size === row.size) return { state: 'unreadable', error };
  const why = `the source's object is ${head.size} bytes long instead of ${row.size}, though its version is the same`;
  return { state: 'damaged', version: head.version, sha256: '', why };
}
