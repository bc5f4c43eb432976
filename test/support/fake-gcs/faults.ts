/** What a request asks for. */
export type Operation =
  | 'bucket.get'
  | 'bucket.insert'
  | 'bucket.permissions'
  | 'object.list'
  | 'object.get'
  | 'object.media'
  | 'object.insert'
  | 'object.patch'
  | 'object.delete'
  | 'upload.start'
  | 'upload.chunk'
  | 'upload.query'
  | 'upload.cancel';

export type Fault =
  /** Believes the checksum it is sent, and repeats it. */
  | 'lie-about-checksums'
  /** Does not compare the checksum it is sent; reports what it computes. */
  | 'ignore-checksums'
  /** One bit of what arrives is another. */
  | 'flip-bit'
  /** Half of what arrives is lost. */
  | 'truncate'
  | 'flip-bit-read'
  /** Sends half of a body, announced as if it were whole. */
  | 'truncate-read'
  /** Never answers; half of a body is sent before. */
  | 'stall'
  /** Closes the connection before anything is done; half of a body is sent before. */
  | 'drop-connection'
  /** Does what is asked, then closes the connection. */
  | 'lose-response'
  | 'error-503'
  | 'error-429'
  | 'ok-with-error-body'
  /** An empty JSON object instead of an answer. */
  | 'ok-with-empty-body'
  /** Lists in the order of UTF-16. */
  | 'list-out-of-order'
  | 'repeat-page-token'
  /** Lists from the start, wherever it was to start. */
  | 'list-ignores-start'
  /** Lists in the order of bytes, and begins where that of UTF-16 units says. */
  | 'list-starts-by-utf16'
  | 'ignore-preconditions'
  /** Keeps the first half of a chunk and says so. */
  | 'keep-half'
  /** Sends stored gzip decompressed, whatever the client accepts. */
  | 'always-decompress'
  | 'ignore-range'
  /** Answers a range with the one a byte later, of the same length. */
  | 'shift-range'
  /** Reports no checksums. */
  | 'no-checksums'
  | 'denied'
  | 'quota';

export interface FaultRule {
  readonly match?: {
    readonly operation?: Operation;
    readonly keyPattern?: RegExp;
    /** Only the nth request that matches, from 1. Default: all. */
    readonly nth?: number;
  };
  readonly fault: Fault;
}

export interface FaultBook {
  add(...rules: readonly FaultRule[]): void;
  clear(): void;
  /** The faults that befall this request. */
  draw(operation: Operation, key: string | undefined): ReadonlySet<Fault>;
}

export function openFaultBook(): FaultBook {
  let rules: { readonly rule: FaultRule; seen: number }[] = [];
  return {
    add: (...added) => void rules.push(...added.map((rule) => ({ rule, seen: 0 }))),
    clear: () => void (rules = []),
    draw: (operation, key) => {
      const drawn = new Set<Fault>();
      for (const entry of rules) {
        const { match = {}, fault } = entry.rule;
        if (match.operation !== undefined && match.operation !== operation) continue;
        if (match.keyPattern !== undefined && (key === undefined || !match.keyPattern.test(key))) continue;
        entry.seen += 1;
        if (match.nth === undefined || match.nth === entry.seen) drawn.add(fault);
      }
      return drawn;
    },
  };
}

/** What arrives of `bytes`. */
export function arrived(bytes: Buffer, faults: ReadonlySet<Fault>): Buffer {
  const kept = faults.has('truncate') ? bytes.subarray(0, bytes.length >> 1) : bytes;
  return faults.has('flip-bit') ? flipped(kept) : kept;
}

export function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  if (copy.length > 0) copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}
