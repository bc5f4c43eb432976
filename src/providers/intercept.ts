import type { Key } from '../objects/key.ts';
import type { ListPage, ObjectReader, Provider, ResumedUpload, Upload } from './provider.ts';

export type Operation =
  | 'connect'
  | 'list'
  | 'head'
  | 'read'
  | 'put'
  | 'start-upload'
  | 'resume-upload'
  | 'keep'
  | 'part'
  | 'complete'
  | 'abort'
  | 'list-uploads'
  | 'delete';

/** One request to a provider, as a decorator sees it. */
export interface Call {
  readonly operation: Operation;
  readonly key?: Key;
  /** Bytes that travel to the provider with it. */
  readonly bytes: number;
  /** Of a completion: bytes of the whole object. */
  readonly size?: number;
  /** Awaited before the request is sent again after no answer came (`UploadOptions`). */
  readonly onRepeat?: () => Promise<void>;
}

export interface Interception {
  /**
   * Runs one request; may run it again, delay it, time it or bound it. The signal it hands on must stay quiet once
   * the request has succeeded: the body of a read lives longer than the request.
   */
  around<T>(call: Call, run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Frees what is held here: files, connections. It is no request. Absent: as it comes. */
  free?(work: () => PromiseLike<void>): Promise<void>;
  /** Passes on the chunks of a body. */
  body(chunks: AsyncIterable<Uint8Array>, key: Key, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Passes on a listing; `open` begins it anew. A generator that threw must not be asked again. */
  list(open: OpenListing, signal: AbortSignal): AsyncIterable<ListPage>;
}

/** Begins a listing after a key, where given, and under a signal of the decorator's own, where given. */
export type OpenListing = (after?: Key, signal?: AbortSignal) => AsyncIterable<ListPage>;

/** A provider whose every request goes through one place: what retry, metrics and bandwidth have in common. */
export function intercept(provider: Provider, through: Interception): Provider {
  return {
    name: provider.name,
    connect: (role, signal) =>
      through.around({ operation: 'connect', bytes: 0 }, (inner) => provider.connect(role, inner), signal),
    list: (options, signal) =>
      through.list(
        (after, inner = signal) => provider.list(after === undefined ? options : { ...options, after }, inner),
        signal,
      ),
    head: (key, signal) =>
      through.around({ operation: 'head', key, bytes: 0 }, (inner) => provider.head(key, inner), signal),
    read: async (key, options, signal) => {
      const call: Call = { operation: 'read', key, bytes: 0 };
      const reader = await through.around(call, (inner) => provider.read(key, options, inner), signal);
      return interceptReader(reader, key, through, signal);
    },
    put: (key, bytes, options, signal) =>
      through.around(
        { operation: 'put', key, bytes: bytes.length },
        (inner) => provider.put(key, bytes, options, inner),
        signal,
      ),
    startUpload: async (key, options, signal) => {
      const { onRepeat } = options;
      const call: Call = { operation: 'start-upload', key, bytes: 0, ...(onRepeat && { onRepeat }) };
      return interceptUpload(
        await through.around(call, (inner) => provider.startUpload(key, options, inner), signal),
        { key, size: options.size },
        through,
      );
    },
    resumeUpload: async (key, options, checkpoint, signal) => {
      const call: Call = { operation: 'resume-upload', key, bytes: 0 };
      const resume = (inner: AbortSignal) => provider.resumeUpload(key, options, checkpoint, inner);
      const upload = await through.around(call, resume, signal);
      return upload === undefined ? undefined : interceptResumed(upload, { key, size: options.size }, through);
    },
    abortUpload: (key, checkpoint, signal) =>
      through.around(
        { operation: 'abort', bytes: 0, ...(key !== null && { key }) },
        (inner) => provider.abortUpload(key, checkpoint, inner),
        signal,
      ),
    listUploads: (key, known, signal) =>
      through.around(
        { operation: 'list-uploads', bytes: 0, ...(key !== null && { key }) },
        (inner) => provider.listUploads(key, known, inner),
        signal,
      ),
    delete: (key, options, signal) =>
      through.around({ operation: 'delete', key, bytes: 0 }, (inner) => provider.delete(key, options, inner), signal),
    close: () => freed(() => provider.close(), through),
  };
}

function interceptReader(reader: ObjectReader, key: Key, through: Interception, signal: AbortSignal): ObjectReader {
  return {
    head: reader.head,
    body: through.body(reader.body, key, signal),
    [Symbol.asyncDispose]: () => freed(() => reader[Symbol.asyncDispose](), through),
  };
}

async function freed(work: () => PromiseLike<void>, through: Interception): Promise<void> {
  await (through.free === undefined ? work() : through.free(work));
}

interface Uploaded {
  readonly key: Key;
  readonly size: number;
}

function interceptUpload(upload: Upload, { key, size }: Uploaded, through: Interception): Upload {
  return {
    checkpoint: upload.checkpoint,
    leave: () => freed(() => upload.leave(), through),
    part: (part, signal) =>
      through.around({ operation: 'part', key, bytes: part.bytes.length }, (inner) => upload.part(part, inner), signal),
    complete: (digest, record, signal) =>
      through.around(
        { operation: 'complete', key, bytes: 0, size },
        (inner) => upload.complete(digest, record, inner),
        signal,
      ),
    abort: (signal) => through.around({ operation: 'abort', key, bytes: 0 }, (inner) => upload.abort(inner), signal),
  };
}

function interceptResumed(upload: ResumedUpload, of: Uploaded, through: Interception): ResumedUpload {
  const { key } = of;
  return {
    ...interceptUpload(upload, of, through),
    keep: (part, signal) =>
      through.around({ operation: 'keep', key, bytes: 0 }, (inner) => upload.keep(part, inner), signal),
  };
}
