import type { Digest } from '../../objects/checksum.ts';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { CopyRecord } from '../../objects/object.ts';
import { versionOf } from '../etag.ts';
import type { Part, ResumedUpload, StoredCopy, UploadOptions } from '../provider.ts';
import { answeredLate } from '../sockets.ts';
import { abortUpload, isNoSuchUpload } from './abort-upload.ts';
import { base64ToHex, fullObjectChecksums, hexToBase64 } from './checksums.ts';
import type { S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import { writeDescription } from './descriptions.ts';
import { compositeEtag } from './etag.ts';
import type { ServerFacts } from './facts.ts';
import { requestHead, requireVersion } from './head.ts';
import type { ObjectHeaders } from './head.ts';
import type { HeldPart } from './open-uploads.ts';
import { uploadCheckpoint } from './open-uploads.ts';
import { goneIsConflict, preconditionHeaders, storedOtherwise } from './put.ts';

interface Started {
  readonly key: Key;
  /** Of the description that is written before completion. Random, so it tells this upload from every other. */
  readonly id: string;
  readonly uploadId: string;
  readonly options: UploadOptions;
}

interface SentPart {
  readonly size: number;
  readonly etag: string;
  readonly md5?: string;
  /** As we computed it and the server echoed it; absent when it did not. */
  readonly crc32c?: string;
}

/** One that was begun, or taken up with the parts that the server holds. */
export class S3Upload implements ResumedUpload {
  readonly #connection: S3Connection;
  readonly #facts: ServerFacts;
  readonly #started: Started;
  readonly #parts = new Map<number, SentPart>();
  /** What an earlier process sent. Of no account until the bytes were read again. */
  readonly #held: ReadonlyMap<number, HeldPart>;

  constructor(
    connection: S3Connection,
    facts: ServerFacts,
    started: Started,
    held: ReadonlyMap<number, HeldPart> = new Map(),
  ) {
    this.#connection = connection;
    this.#facts = facts;
    this.#started = started;
    this.#held = held;
  }

  get checkpoint(): string {
    const { uploadId, id } = this.#started;
    const { uploadAttestation: attestation } = this.#facts;
    return uploadCheckpoint({ uploadId, id, ...(attestation === undefined ? {} : { attestation }) });
  }

  async keep({ number, bytes, checksums }: Part): Promise<boolean> {
    const held = this.#held.get(number);
    if (held?.size !== bytes.length) return false;
    const { crc32c, md5 } = checksums;
    const { uploadAttestation } = this.#facts;
    if (uploadAttestation === 'crc32c' && held.crc32c !== undefined && held.crc32c !== crc32c) return false;
    if (uploadAttestation === 'md5 of every part' && held.etag !== md5) return false;
    this.#parts.set(number, { ...held, ...(md5 === undefined ? {} : { md5 }) });
    return true;
  }

  async part(part: Part, signal: AbortSignal): Promise<void> {
    const { client, sdk } = this.#connection;
    const { key } = this.#started;
    const { checksums, headers } = this.#protection(part);
    const input = { ...this.#target(), PartNumber: part.number, Body: part.bytes, ...checksums };
    const answer = await this.#connection.call({ operation: 'UploadPart', key }, signal, (sending) =>
      client.send(new sdk.UploadPartCommand(withHeaders(input, headers)), sending),
    );
    const echoed = answer.ChecksumCRC32C === undefined ? undefined : base64ToHex(answer.ChecksumCRC32C);
    const { crc32c, md5 } = part.checksums;
    if (echoed !== undefined && crc32c !== undefined && echoed !== crc32c)
      throw storedOtherwise(this.#connection, key, echoed, crc32c);
    this.#parts.set(part.number, {
      size: part.bytes.length,
      etag: requireVersion(this.#connection, key, answer.ETag),
      ...(md5 === undefined ? {} : { md5 }),
      ...(echoed === undefined ? {} : { crc32c: echoed }),
    });
  }

  async complete(digest: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy> {
    const { id, options, key } = this.#started;
    if (!signal.aborted) this.#expectAllParts();
    await writeDescription(this.#connection, { id, content: { attributes: options.attributes, record } }, signal);
    try {
      const answer = await this.#sendComplete(digest, signal);
      const version = requireVersion(this.#connection, key, answer.ETag);
      return this.#stored(version, digest, await this.#withChecksum(version, answer, signal));
    } catch (error) {
      const done = await this.#ifCompleted(error, signal);
      if (done === undefined) throw goneIsConflict(error, this.#connection, key, options.precondition);
      return this.#stored(requireVersion(this.#connection, key, done.ETag), digest, done);
    }
  }

  async abort(signal: AbortSignal): Promise<void> {
    await abortUpload(this.#connection, this.#started.key, this.#started.uploadId, signal);
  }

  async leave(): Promise<void> {}

  /** The list of parts is what makes the object; with one missing it would be a shorter one. */
  #expectAllParts(): void {
    const parts = this.#ordered();
    const size = parts.reduce((sum, [, part]) => sum + part.size, 0);
    if (size === this.#started.options.size && parts.every(([number], index) => number === index + 1)) return;
    throw partsMissing(this.#connection, this.#started.key, parts.length, size);
  }

  /** A few servers answer a completion without its checksum, and HEAD with it. */
  async #withChecksum(version: string, answer: ObjectHeaders, signal: AbortSignal): Promise<ObjectHeaders> {
    if (this.#facts.uploadAttestation !== 'crc32c' || answer.ChecksumCRC32C !== undefined) return answer;
    const head = await requestHead(this.#connection, this.#started.key, signal);
    return versionOf(head.ETag ?? '') === version ? head : answer;
  }

  #target(): { Bucket: string; Key: Key; UploadId: string } {
    return { Bucket: this.#connection.bucket, Key: this.#started.key, UploadId: this.#started.uploadId };
  }

  /** Where a checksum goes with the part, hashing it once more for the signature proves nothing. */
  #protection({ checksums }: Part): {
    checksums: { ChecksumCRC32C?: string; ContentMD5?: string };
    headers: Record<string, string>;
  } {
    const { uploadAttestation, unsignedParts } = this.#facts;
    const headers: Record<string, string> = unsignedParts ? { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } : {};
    const { crc32c, md5 } = checksums;
    if (uploadAttestation === 'crc32c' && crc32c !== undefined)
      return { checksums: { ChecksumCRC32C: hexToBase64(crc32c) }, headers };
    if (uploadAttestation === 'md5 of every part' && md5 !== undefined)
      return { checksums: { ContentMD5: hexToBase64(md5) }, headers };
    return { checksums: {}, headers: {} };
  }

  #sendComplete(digest: Digest, signal: AbortSignal) {
    const { client, sdk } = this.#connection;
    const { key, options } = this.#started;
    const whole =
      this.#facts.uploadAttestation === 'crc32c' && digest.crc32c !== undefined
        ? { ChecksumType: 'FULL_OBJECT' as const, ChecksumCRC32C: hexToBase64(digest.crc32c) }
        : {};
    const input = {
      ...this.#target(),
      MultipartUpload: { Parts: this.#partList() },
      MpuObjectSize: options.size,
      ...whole,
      ...preconditionHeaders(options.precondition),
    };
    return this.#connection.call({ operation: 'CompleteMultipartUpload', key }, signal, (sending) =>
      answeredLate(() => client.send(new sdk.CompleteMultipartUploadCommand(input), sending)),
    );
  }

  #partList(): { PartNumber: number; ETag: string; ChecksumCRC32C?: string }[] {
    return this.#ordered().map(([number, { etag, crc32c }]) => ({
      PartNumber: number,
      ETag: `"${etag}"`,
      ...(crc32c === undefined ? {} : { ChecksumCRC32C: hexToBase64(crc32c) }),
    }));
  }

  #ordered(): [number, SentPart][] {
    return [...this.#parts].toSorted(([a], [b]) => a - b);
  }

  /**
   * A completion whose answer was lost may have happened: repeated, it meets an upload that is no more, or a
   * precondition that its own object breaks. The random id in the object's metadata tells.
   */
  async #ifCompleted(error: unknown, signal: AbortSignal): Promise<ObjectHeaders | undefined> {
    const doubtful = isNoSuchUpload(error) || (error instanceof ProviderError && error.code === 'conflict');
    if (!doubtful) return undefined;
    const { key, id, options } = this.#started;
    const found = await requestHead(this.#connection, key, signal).catch((failure: unknown) => {
      if (failure instanceof ProviderError && failure.code === 'not-found') return undefined;
      throw failure;
    });
    const ours = found?.Metadata?.['holdfast-description'] === id && found.ContentLength === options.size;
    if (ours) return found;
    if (isNoSuchUpload(error)) throw uploadGone(this.#connection, key, error);
    return undefined;
  }

  #stored(version: string, digest: Digest, answer: ObjectHeaders): StoredCopy {
    const size = this.#started.options.size;
    const by = this.#facts.uploadAttestation;
    if (by === 'crc32c') return { version, size, ...this.#attestedByCrc(digest, answer) };
    if (by === undefined) return { version, size };
    const parts = this.#ordered();
    const proven = parts.every(([, { etag, md5 }]) => etag === md5);
    return version === compositeEtag(parts.map(([, { md5 }]) => md5)) && proven
      ? { version, size, attested: by }
      : { version, size };
  }

  #attestedByCrc(digest: Digest, answer: ObjectHeaders): Pick<StoredCopy, 'attested'> {
    const { crc32c } = fullObjectChecksums(answer);
    if (crc32c === undefined || digest.crc32c === undefined) return {};
    if (crc32c !== digest.crc32c) throw storedOtherwise(this.#connection, this.#started.key, crc32c, digest.crc32c);
    return { attested: 'crc32c' };
  }
}

function uploadGone({ bucket, name }: S3Connection, key: Key, cause: unknown): ProviderError {
  const message = `The upload of ${JSON.stringify(key)} to bucket "${bucket}" is no more: somebody aborted it, or a lifecycle rule did. It is started anew`;
  return new ProviderError('conflict', message, { provider: name, key, cause });
}

function partsMissing({ bucket, name }: S3Connection, key: Key, count: number, size: number): ProviderError {
  const message = `The upload of ${JSON.stringify(key)} to bucket "${bucket}" lacks parts: ${count} with ${size} bytes were sent. It is started anew`;
  return new ProviderError('invalid', message, { provider: name, key });
}
