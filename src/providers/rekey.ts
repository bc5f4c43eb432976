import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectReader, ResumedUpload, Upload } from './provider.ts';

/** Runs a call that a decorator makes under another key, so that an error names the key that its caller knows. */
export async function asKey<T>(key: Key, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw errorAsKey(key, error);
  }
}

export function readerAsKey(key: Key, reader: ObjectReader): ObjectReader {
  return {
    head: { ...reader.head, key },
    body: bodyAsKey(key, reader.body),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

export function uploadAsKey(key: Key, upload: Upload): Upload {
  return {
    checkpoint: upload.checkpoint,
    leave: () => upload.leave(),
    part: (part, signal) => asKey(key, upload.part(part, signal)),
    complete: (digest, record, signal) => asKey(key, upload.complete(digest, record, signal)),
    abort: (signal) => asKey(key, upload.abort(signal)),
  };
}

export function resumedAsKey(key: Key, upload: ResumedUpload | undefined): ResumedUpload | undefined {
  if (upload === undefined) return undefined;
  return { ...uploadAsKey(key, upload), keep: (part, signal) => asKey(key, upload.keep(part, signal)) };
}

async function* bodyAsKey(key: Key, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw errorAsKey(key, error);
  }
}

function errorAsKey(key: Key, error: unknown): unknown {
  if (!(error instanceof ProviderError)) return error;
  const { code, message, provider, cause, retryAfterMs } = error;
  const details = { provider, key, ...(cause !== undefined && { cause }) };
  return new ProviderError(code, message, { ...details, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}
