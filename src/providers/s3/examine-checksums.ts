import type { Key } from '../../objects/key.ts';
import type { Finding } from '../examination.ts';
import { cleaningUp, refusalCode, type Notes } from '../notes.ts';
import { canaryKey, type Place } from '../canaries.ts';
import type { Capabilities } from '../provider.ts';
import { hexToBase64, wholeCrc32c } from './checksums.ts';
import type { S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import { newCanary, wrong } from './probe-put.ts';

/** Of ways of writing where the probe found no CRC32C attested: what becomes of a wrong one. */
export async function examineChecksums(
  connection: S3Connection,
  { attests }: Capabilities,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const key = canaryKey(place);
  const trials = [
    ['put-checksum', attests.put, () => putWrong(connection, key, signal)],
    ['upload-checksum', attests.upload, () => uploadWrong(connection, `${key}-parts`, signal)],
  ] as const;
  for (const [question, attested, trial] of trials) {
    if (attested === 'crc32c') continue;
    await notes.ask(question, async () => await trial());
    const { answer, detail } = { answer: notes.answerTo(question), detail: notes.detailOf(question) };
    if (attested !== undefined) notes.tell(question, 'attested', `${attested}; crc32c is ${answer}: ${detail}`);
  }
}

async function putWrong(connection: S3Connection, key: Key, signal: AbortSignal): Promise<Finding> {
  const { client, sdk, bucket, call } = connection;
  const { bytes, sha256, crc32c } = newCanary();
  const bad = hexToBase64(wrong(crc32c));
  const input = { Bucket: bucket, Key: key, Body: bytes, ChecksumCRC32C: bad };
  let told: string | undefined;
  try {
    const code = await refusalCode(
      call({ operation: 'PutObject', key }, signal, async (options) => {
        const command = new sdk.PutObjectCommand(withHeaders(input, { 'x-amz-content-sha256': sha256 }));
        told = (await client.send(command, options)).ChecksumCRC32C;
      }),
    );
    return judged(code, told, bad);
  } finally {
    await refusalCode(
      call({ operation: 'DeleteObject', key }, cleaningUp(signal), (options) =>
        client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), options),
      ),
    );
  }
}

/** One part of an upload that is never completed. */
async function uploadWrong(connection: S3Connection, key: Key, signal: AbortSignal): Promise<Finding> {
  const { client, sdk, bucket, call } = connection;
  const { UploadId } = await call({ operation: 'CreateMultipartUpload', key }, signal, (options) =>
    client.send(new sdk.CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ...wholeCrc32c }), options),
  );
  const { bytes, sha256, crc32c } = newCanary();
  const bad = hexToBase64(wrong(crc32c));
  const target = { Bucket: bucket, Key: key, UploadId };
  let told: string | undefined;
  try {
    const code = await refusalCode(
      call({ operation: 'UploadPart', key }, signal, async (options) => {
        const input = { ...target, PartNumber: 1, Body: bytes, ChecksumCRC32C: bad };
        const command = new sdk.UploadPartCommand(withHeaders(input, { 'x-amz-content-sha256': sha256 }));
        told = (await client.send(command, options)).ChecksumCRC32C;
      }),
    );
    return judged(code, told, bad);
  } finally {
    await refusalCode(
      call({ operation: 'AbortMultipartUpload', key }, cleaningUp(signal), (options) =>
        client.send(new sdk.AbortMultipartUploadCommand(target), options),
      ),
    );
  }
}

function judged(code: string | undefined, told: string | undefined, bad: string): Finding {
  if (code === 'checksum-mismatch')
    return { answer: 'ignored', detail: 'a wrong one is refused, but a right one is not told back whenever asked' };
  if (code !== undefined) return { answer: 'not-told', detail: `a write with a checksum is refused (${code})` };
  if (told === bad) return { answer: 'echoed', detail: 'a wrong one was taken and told back' };
  return { answer: 'ignored', detail: 'a wrong one was taken' };
}
