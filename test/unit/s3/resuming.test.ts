import { CreateMultipartUploadCommand, S3Client, type CreateMultipartUploadCommandInput } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { noAttributes } from '../../../src/objects/object.ts';
import { bytesOf } from '../../support/bytes.ts';
import { calm, connectedS3Room, openS3Room, partSize, putOptions, sendParts } from '../../support/s3-room.ts';

const bytes = bytesOf(2 * partSize + 7, 'resuming');

test('parts are listed over several pages', async () => {
  await using room = await openS3Room({}, { pageSize: 2 });
  await room.provider.connect('target', calm);
  const upload = await sendParts(room.provider, 'k', bytes);
  const { attributes } = await putOptions(bytes);
  room.fake.forgetRequests();
  const options = { size: bytes.length, partSize, attributes };
  const resumed = await room.provider.resumeUpload('k', options, upload.checkpoint, calm);
  expect(room.fake.count('ListParts')).toBe(2);
  const last = bytes.subarray(2 * partSize);
  const { digest: checksums } = await putOptions(last);
  expect(await resumed?.keep({ number: 3, offset: 2 * partSize, bytes: last, checksums }, calm)).toBe(true);
});

test('without the right to list parts an upload is begun anew', async () => {
  await using room = await connectedS3Room();
  const upload = await sendParts(room.provider, 'k', bytes);
  const { attributes } = await putOptions(bytes);
  const options = { size: bytes.length, partSize, attributes };
  const fault = { status: 403, code: 'AccessDenied', message: 'No.' };
  room.fake.inject({ match: { operation: 'ListParts' }, fault });
  expect(await room.provider.resumeUpload('k', options, upload.checkpoint, calm)).toBeUndefined();
  await room.provider.abortUpload('k', upload.checkpoint, calm);
  expect(room.fake.openUploads()).toBe(0);
});

test('what is known is not listed, page by page', async () => {
  await using room = await openS3Room({}, { pageSize: 1 });
  await room.provider.connect('target', calm);
  const known = [await sendParts(room.provider, 'k', bytes), await sendParts(room.provider, 'k', bytes)];
  await sendParts(room.provider, 'k', bytes);
  await sendParts(room.provider, 'k/longer', bytes);
  const checkpoints = known.map(({ checkpoint }) => checkpoint);
  expect(await room.provider.listUploads('k', checkpoints, calm)).toHaveLength(1);
});

test('what a killed probe left is listed without a key, and thrown away; nothing else is', async () => {
  await using room = await openS3Room({}, { pageSize: 1 });
  await room.provider.connect('target', calm);
  for (const name of ['a', 'b']) await sendParts(room.provider, `.holdfast/probe/${name}`, bytes);
  const other = await sendParts(room.provider, 'k', bytes);
  const found = await room.provider.listUploads(null, [], calm);
  expect(found).toHaveLength(2);
  const { uploadId } = JSON.parse(other.checkpoint) as { uploadId: string };
  const elsewhere = ['k', '.holdfast/probe'].map((key) => JSON.stringify({ uploadId, key }));
  for (const checkpoint of [other.checkpoint, ...elsewhere]) await room.provider.abortUpload(null, checkpoint, calm);
  expect(room.fake.openUploads()).toBe(3);
  for (const { checkpoint } of found) await room.provider.abortUpload(null, checkpoint, calm);
  expect(room.fake.openUploads()).toBe(1);
  room.fake.inject({ match: { operation: 'ListMultipartUploads' }, fault: { status: 403, code: 'AccessDenied' } });
  expect(await room.provider.listUploads(null, [], calm)).toEqual([]);
});

test('an upload that holds a part, or was begun with other checksums, is told from one that was only begun', async () => {
  await using room = await connectedS3Room();
  const { accessKeyId, secretAccessKey } = room.fake.access.credentials;
  const client = new S3Client({ ...room.fake.access, credentials: { accessKeyId, secretAccessKey } });
  const others: Partial<CreateMultipartUploadCommandInput>[] = [
    { ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'FULL_OBJECT' },
    { ChecksumAlgorithm: 'CRC32C', ChecksumType: 'COMPOSITE' },
  ];
  for (const other of others) {
    await client.send(new CreateMultipartUploadCommand({ Bucket: 'bucket', Key: 'k', ...other }));
  }
  client.destroy();
  await sendParts(room.provider, 'k', bytes);
  const ours = await room.provider.startUpload('k', { size: bytes.length, partSize, attributes: noAttributes }, calm);
  const { uploadId } = JSON.parse(ours.checkpoint) as { uploadId: string };
  const found = await room.provider.listUploads('k', [], calm);
  expect(found).toHaveLength(4);
  expect(found.filter(({ fresh }) => fresh !== false)).toMatchObject([
    { checkpoint: JSON.stringify({ uploadId }), fresh: true },
  ]);
  room.fake.inject({ match: { operation: 'ListParts' }, fault: { status: 403, code: 'AccessDenied' } });
  const told = (await room.provider.listUploads('k', [], calm)).map(({ fresh }) => fresh);
  expect(told.filter((fresh) => fresh === undefined).length).toBeGreaterThan(0);
});
