import type { Operation, S3Request } from './request.ts';

export type Fault =
  /** Stores and echoes whatever checksum was sent, and checks nothing. */
  | 'lie-about-checksums'
  /** Takes `x-amz-checksum-*` headers and neither checks nor returns them (old Ceph). */
  | 'ignore-checksums'
  /** Does not look at Content-MD5. */
  | 'ignore-md5'
  /** Does not look at `x-amz-content-sha256`. */
  | 'ignore-payload-hash'
  /** Takes no `UNSIGNED-PAYLOAD`. */
  | 'refuse-unsigned-payload'
  /** The bytes of a write arrive with one bit flipped, or the last byte missing. */
  | 'flip-bit'
  | 'truncate'
  /** The bytes of a read leave so. A truncated one announces its full length and closes. */
  | 'flip-bit-read'
  | 'truncate-read'
  /** Never answers. */
  | 'stall'
  /** Sends the headers and half the bytes of a body, then nothing more. */
  | 'stall-read'
  /** Closes the connection before anything is done, or after all of it. */
  | 'drop-connection'
  | 'lose-response'
  /** Answers 200 with an error document, and does nothing. */
  | 'ok-with-error-body'
  /** Answers a write with 200 and no ETag. */
  | 'no-etag'
  /** Answers as if another object stood there by now. */
  | 'another-etag'
  | 'slow-down'
  /** Answers with another checksum than a put was sent, or than the object has. */
  | 'echo-another-checksum'
  /** Answers a completion without the checksum it stored (versitygw, when repeated). */
  | 'complete-without-checksum'
  /** Lists a page backwards. */
  | 'list-out-of-order'
  /** A truncated page without a continuation token; a token that leads to the same page again. */
  | 'list-without-token'
  | 'list-in-circles'
  /** A page without its end, of the length that it says. */
  | 'list-cut-short'
  /** Lists raw keys although encoded ones were asked for (versitygw). */
  | 'list-raw'
  /** Lists from the start, wherever it was to start. */
  | 'list-ignores-start'
  /** Lists in the order of bytes, and begins where that of UTF-16 units says. */
  | 'list-starts-by-utf16'
  | 'ignore-preconditions'
  | 'ignore-range'
  /** Answers a range with the one a byte later, of the same length. */
  | 'shift-range'
  /** Refuses as told, and does nothing. */
  | {
      readonly status: number;
      readonly code: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

export interface FaultRule {
  /** What is left out matches everything. */
  readonly match?: {
    readonly method?: string;
    readonly operation?: Operation;
    readonly keyPattern?: RegExp;
    /** Only the nth request that matches otherwise, from 1. */
    readonly nth?: number;
    /** The nth and all after it. */
    readonly from?: number;
  };
  readonly fault: Fault;
}

/** The rules in force. Every rule counts its own matches; all that match apply together. */
export class Faults {
  readonly #rules = new Map<FaultRule, { seen: number }>();

  /** @returns what takes the rule back. */
  add(rule: FaultRule): () => void {
    const own = { ...rule };
    this.#rules.set(own, { seen: 0 });
    return () => this.#rules.delete(own);
  }

  clear(): void {
    this.#rules.clear();
  }

  of(request: S3Request): ReadonlySet<Fault> {
    const active = new Set<Fault>();
    for (const [rule, count] of this.#rules) {
      if (!matches(rule, request)) continue;
      count.seen += 1;
      const { nth, from } = rule.match ?? {};
      if ((nth === undefined || nth === count.seen) && count.seen >= (from ?? 1)) active.add(rule.fault);
    }
    return active;
  }
}

function matches({ match = {} }: FaultRule, request: S3Request): boolean {
  if (match.method !== undefined && match.method !== request.method) return false;
  if (match.operation !== undefined && match.operation !== request.operation) return false;
  return match.keyPattern?.test(request.key) ?? true;
}

/** The body of a write as it arrives under these faults. */
export function arriving(body: Buffer, faults: ReadonlySet<Fault>): Buffer {
  return damaged(body, faults.has('flip-bit'), faults.has('truncate'));
}

/** The body of a read as it leaves. */
export function leaving(body: Buffer, faults: ReadonlySet<Fault>): Buffer {
  return damaged(body, faults.has('flip-bit-read'), faults.has('truncate-read'));
}

function damaged(body: Buffer, flip: boolean, truncate: boolean): Buffer {
  if (body.length === 0 || (!flip && !truncate)) return body;
  const copy = Buffer.from(truncate ? body.subarray(0, -1) : body);
  if (flip && copy.length > 0) copy.writeUInt8(copy.readUInt8(copy.length >> 1) ^ 1, copy.length >> 1);
  return copy;
}
