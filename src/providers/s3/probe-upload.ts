import type { CompleteMultipartUploadCommandInput, UploadPartCommandInput } from '@aws-sdk/client-s3';
import type { Key } from '../../objects/key.ts';
import { fullObjectChecksums, hexToBase64, wholeCrc32c } from './checksums.ts';
import type { S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import { versionOf } from '../etag.ts';
import { compositeEtag } from './etag.ts';
import type { ServerFacts } from './facts.ts';
import { requestHead } from './head.ts';
import { attempt, isCaught } from './attempt.ts';
import type { Outcome } from './attempt.ts';
import { newCanary, wrong } from './probe-put.ts';
import type { Canary } from './probe-put.ts';

type UploadFacts = Pick<ServerFacts, 'uploadAttestation' | 'unsignedParts'> & { readonly conditional: boolean };

/** One upload of one part, on a key that is there; a second when the first shows no CRC32C. */
export async function probeUpload(connection: S3Connection, key: Key, signal: AbortSignal): Promise<UploadFacts> {
  const first = await rehearse(connection, key, signal, crc32cRehearsal);
  if (first.proven) return { uploadAttestation: 'crc32c', ...first.rest };
  const second = await rehearse(connection, key, signal, md5Rehearsal);
  return second.proven ? { uploadAttestation: 'md5 of every part', ...second.rest } : second.rest;
}

const unsigned = 'UNSIGNED-PAYLOAD';

interface Findings {
  readonly proven: boolean;
  readonly rest: Omit<UploadFacts, 'uploadAttestation'>;
}

type Rehearsal = (stage: Stage) => Promise<Findings>;

const nothing: Findings = { proven: false, rest: { unsignedParts: false, conditional: false } };

async function rehearse(
  connection: S3Connection,
  key: Key,
  signal: AbortSignal,
  rehearsal: Rehearsal,
): Promise<Findings> {
  const { client, sdk, bucket, call } = connection;
  const input = { Bucket: bucket, Key: key, ...(rehearsal === crc32cRehearsal ? wholeCrc32c : {}) };
  const created = await attempt(
    call({ operation: 'CreateMultipartUpload', key }, signal, (options) =>
      client.send(new sdk.CreateMultipartUploadCommand(input), options),
    ),
  );
  const uploadId = 'accepted' in created ? created.accepted.UploadId : undefined;
  if (uploadId === undefined || uploadId === '') return nothing;
  const stage = new Stage(connection, { Bucket: bucket, Key: key, UploadId: uploadId }, signal);
  try {
    return await rehearsal(stage);
  } finally {
    await stage.leave();
  }
}

async function crc32cRehearsal(stage: Stage): Promise<Findings> {
  const right = hexToBase64(stage.canary.crc32c);
  const bad = hexToBase64(wrong(stage.canary.crc32c));
  const { part, payloadHash } = await stage.eitherPart({ ChecksumCRC32C: right });
  if (part?.ChecksumCRC32C !== right) return nothing;
  if (!isCaught(await stage.part({ ChecksumCRC32C: bad }, payloadHash))) return nothing;
  const list = { Parts: [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32C: right }] };
  const wrongWhole = await stage.complete({ MultipartUpload: list, ChecksumType: 'FULL_OBJECT', ChecksumCRC32C: bad });
  if (!isCaught(wrongWhole)) return nothing;
  const whole = { MultipartUpload: list, ChecksumType: 'FULL_OBJECT', ChecksumCRC32C: right } as const;
  const { completed, conditional } = await stage.completeTwice(whole);
  const head = completed ? await stage.head() : undefined;
  const proven = head !== undefined && fullObjectChecksums(head).crc32c === stage.canary.crc32c;
  return { proven, rest: { unsignedParts: payloadHash === unsigned, conditional } };
}

async function md5Rehearsal(stage: Stage): Promise<Findings> {
  const { part, payloadHash } = await stage.eitherPart({ ContentMD5: hexToBase64(stage.canary.md5) });
  if (part === undefined) return nothing;
  const wrongPart = await stage.part({ ContentMD5: hexToBase64(wrong(stage.canary.md5)) }, payloadHash);
  // A server that took the wrong part has replaced the right one by the same bytes.
  const list = { Parts: [{ PartNumber: 1, ETag: part.ETag }] };
  const { completed, conditional } = await stage.completeTwice({ MultipartUpload: list });
  const etags = versionOf(part.ETag ?? '') === stage.canary.md5;
  const composite = versionOf(completed?.ETag ?? '') === compositeEtag([stage.canary.md5]);
  const proven = isCaught(wrongPart) && etags && composite;
  return { proven, rest: { unsignedParts: payloadHash === unsigned, conditional } };
}

interface Target {
  readonly Bucket: string;
  readonly Key: Key;
  readonly UploadId: string;
}

/** One canary upload under way. */
class Stage {
  readonly canary: Canary = newCanary();
  readonly #connection: S3Connection;
  readonly #target: Target;
  readonly #signal: AbortSignal;
  #open = true;

  constructor(connection: S3Connection, target: Target, signal: AbortSignal) {
    this.#connection = connection;
    this.#target = target;
    this.#signal = signal;
  }

  part(checksums: Partial<UploadPartCommandInput>, payloadHash: string) {
    const { client, sdk, call } = this.#connection;
    const input = { ...this.#target, PartNumber: 1, Body: this.canary.bytes, ...checksums };
    const headers = { 'x-amz-content-sha256': payloadHash };
    return attempt(
      call({ operation: 'UploadPart', key: this.#target.Key }, this.#signal, (options) =>
        client.send(new sdk.UploadPartCommand(withHeaders(input, headers)), options),
      ),
      { deniedIsAnswer: payloadHash === unsigned },
    );
  }

  /** Unsigned where the server takes it, else signed. */
  async eitherPart(checksums: Partial<UploadPartCommandInput>) {
    const sent = await this.part(checksums, unsigned);
    if ('accepted' in sent) return { part: sent.accepted, payloadHash: unsigned };
    return { part: answerOf(await this.part(checksums, this.canary.sha256)), payloadHash: this.canary.sha256 };
  }

  async complete(more: Partial<CompleteMultipartUploadCommandInput>) {
    const { client, sdk, call } = this.#connection;
    const input = { ...this.#target, ...more };
    const outcome = await attempt(
      call({ operation: 'CompleteMultipartUpload', key: this.#target.Key }, this.#signal, (options) =>
        client.send(new sdk.CompleteMultipartUploadCommand(input), options),
      ),
    );
    if ('accepted' in outcome) this.#open = false;
    return outcome;
  }

  /** First so that it must be refused, because the key is there; then so that it must not. */
  async completeTwice(input: Partial<CompleteMultipartUploadCommandInput>) {
    const held = await this.complete({ ...input, IfNoneMatch: '*' });
    const conditional = 'refused' in held && held.refused.code === 'conflict';
    const done = 'accepted' in held ? held : await this.complete(input);
    return { completed: answerOf(done), conditional };
  }

  async head() {
    return answerOf(await attempt(requestHead(this.#connection, this.#target.Key, this.#signal)));
  }

  /** Parts left behind cost money. An upload that is gone already is as good. */
  async leave(): Promise<void> {
    if (!this.#open) return;
    const { client, sdk, call } = this.#connection;
    await attempt(
      call({ operation: 'AbortMultipartUpload', key: this.#target.Key }, this.#signal, (options) =>
        client.send(new sdk.AbortMultipartUploadCommand(this.#target), options),
      ),
    );
  }
}

function answerOf<Answer>(outcome: Outcome<Answer>): Answer | undefined {
  return 'accepted' in outcome ? outcome.accepted : undefined;
}
