import { CatalogError, type CatalogErrorCode } from '../catalog/errors.ts';
import { UsageError } from '../objects/errors.ts';

/** What is left of an error that went from one thread to another: no class, and of the cause only what the stack says. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly stack: string | undefined;
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: undefined, stack: undefined };
  const { name, message, stack } = error;
  return { name, message, stack, code: 'code' in error ? String(error.code) : undefined };
}

/** The error it was, so that it ends the process as it would have there. `stack` is that of the thread. */
export function errorOf(failure: Failure): Error {
  const error = ofItsClass(failure);
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}

function ofItsClass({ name, message, code }: Failure): Error {
  if (name === 'CatalogError') return new CatalogError(code as CatalogErrorCode, message);
  if (name === 'UsageError') return new UsageError(message);
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

/** What befell the thread and would not have befallen the main one: the others do without it. */
export function isOfThreadAlone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

/** What is wrong with the catalog itself, whoever opens it. */
export function isOfCatalog(error: unknown): boolean {
  return error instanceof CatalogError && (error.code === 'corrupt' || error.code === 'newer-schema');
}
