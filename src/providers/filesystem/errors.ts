import type { ErrorCode } from '../../objects/errors.ts';
import { ProviderError, errorMessage } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';

/** A failure that this provider names itself; `translate` adds the provider and the key. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What a system call's error means, and what a person can do about it. */
const meanings: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['not-found', 'it does not exist'],
  ENOTDIR: ['not-found', 'a part of its path is a file'],
  EACCES: ['denied', 'permission denied; give the user that runs Holdfast access to it'],
  EPERM: ['denied', 'the system does not permit it; check owner, mode and attributes'],
  EROFS: ['denied', 'the filesystem is mounted read-only; remount it for writing'],
  ENOSPC: ['unavailable', 'no space left on the disk; free some, then it is tried again'],
  EDQUOT: ['unavailable', 'the disk quota is used up; raise it or free some space'],
  EIO: ['unavailable', 'the disk reports an input/output error; check its health'],
  EMFILE: ['unavailable', 'too many open files; raise the limit (ulimit -n)'],
  ENFILE: ['unavailable', 'the system has too many open files'],
  EBUSY: ['unavailable', 'it is busy'],
  ESTALE: ['unavailable', 'the network filesystem lost track of it; check the mount'],
  ENAMETOOLONG: ['unsupported', 'its path is too long for the filesystem'],
  EXDEV: [
    'unsupported',
    'it is on another filesystem than the .holdfast directory; give that disk a provider of its own',
  ],
  EFBIG: ['unsupported', 'the filesystem does not take files of this size'],
  ELOOP: ['unsupported', 'its path runs through too many symbolic links'],
  EILSEQ: ['unsupported', 'the filesystem does not take this name'],
  EINVAL: ['unsupported', 'the filesystem does not take this name or operation'],
  EEXIST: ['conflict', 'something else was put there at the same time'],
  EISDIR: ['conflict', 'a directory was put there at the same time'],
  ENOTEMPTY: ['conflict', 'something else was put there at the same time'],
};

export interface ErrorContext {
  readonly provider: string;
  readonly key?: Key;
  /** Named when the error itself does not say which path it is about. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Makes any failure the one error that crosses the provider seam. */
export function translate(error: unknown, context: ErrorContext): ProviderError {
  if (error instanceof ProviderError) return error;
  const [code, message] = meaningOf(error, context);
  const { provider, key } = context;
  return new ProviderError(code, message, { provider, cause: error, ...(key === undefined ? {} : { key }) });
}

function meaningOf(error: unknown, { path, signal }: ErrorContext): readonly [ErrorCode, string] {
  if (error instanceof Refusal) return [error.code, error.message];
  if (signal.aborted && (error === signal.reason || isNamed(error, 'AbortError'))) {
    return ['aborted', `The work on ${path} was stopped before it ended.`];
  }
  const number = errno(error);
  if (number === undefined) return ['invalid', `Unexpected failure at ${path}: ${errorMessage(error)}`];
  const [code, meaning] = meanings[number] ?? ['unavailable', errorMessage(error)];
  const call = textOf(error, 'syscall');
  return [code, `${textOf(error, 'path') ?? path}: ${meaning} (${number}${call === undefined ? '' : `, ${call}`})`];
}

/** The code of a system call's error (`ENOENT`); undefined for any other error. */
export function errno(error: unknown): string | undefined {
  const code = textOf(error, 'code');
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(errno(error) ?? '');
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

function textOf(error: unknown, property: 'code' | 'path' | 'syscall'): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const value: unknown = (error as Error & Partial<Record<typeof property, unknown>>)[property];
  return Buffer.isBuffer(value) || typeof value === 'string' ? value.toString() : undefined;
}
