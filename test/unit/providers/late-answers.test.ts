import { setTimeout as delay } from 'node:timers/promises';
import { BlobServiceClient } from '@azure/storage-blob';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import { openProvider, type ProviderSettings } from '../../../src/providers/open.ts';
import type { Provider, Upload } from '../../../src/providers/provider.ts';
import { calm, readAll, recordFor } from '../../contract/provider/room.ts';
import { startAzurite } from '../../support/azurite.ts';
import { digestOf } from '../../support/digest.ts';
import { startFakeS3 } from '../../support/fake-s3/fake-s3.ts';
import { startFakeGcs } from '../../support/fake-gcs/server.ts';
import { startFaultyProxy, type FaultRule } from '../../support/faulty-proxy.ts';

const idle = 1_000;

/** A server, how it is reached through a proxy, and which request puts a large object together. */
interface Case {
  readonly target: string;
  readonly settings: (url: string) => ProviderSettings;
  readonly completion: FaultRule['match'];
}

const cases: Readonly<Record<string, () => Promise<Case>>> = {
  'CompleteMultipartUpload of S3': async () => {
    const fake = await startFakeS3();
    onTestFinished(() => fake.stop());
    return {
      target: fake.access.endpoint,
      settings: (endpoint) => ({ type: 's3', bucket: 'bucket', ...fake.access, endpoint }),
      completion: { method: 'POST', path: /uploadId=/ },
    };
  },
  'the last chunk of GCS': async () => {
    const fake = await startFakeGcs();
    fake.buckets.set('copies', new Map());
    onTestFinished(() => fake.stop());
    return {
      target: fake.endpoint,
      settings: (endpoint) => ({ type: 'gcs', bucket: 'copies', endpoint }),
      // Also the question what became of it.
      completion: { method: 'PUT' },
    };
  },
  'Put Block List of Azure': async () => {
    const azurite = await startAzurite();
    onTestFinished(() => azurite.stop());
    await BlobServiceClient.fromConnectionString(azurite.connectionString).createContainer('copies');
    const { account, accountKey } = azurite;
    return {
      target: azurite.endpoint,
      settings: (url) => ({ type: 'azure', container: 'copies', account, accountKey, endpoint: `${url}/${account}` }),
      completion: { method: 'PUT', path: /comp=blocklist/ },
    };
  },
};

interface Opened {
  readonly provider: Provider;
  /** Has the server say nothing from the completion on until this ends. */
  silenced(silence: () => Promise<void>): void;
}

async function opened(name: string): Promise<Opened> {
  const made = await cases[name]?.();
  if (made === undefined) throw new Error(name);
  const proxy = await startFaultyProxy(made.target);
  onTestFinished(() => proxy.stop());
  const settings = { ...made.settings(proxy.url), timeouts: { idle } };
  const surroundings = { clock: systemClock, random: Math.random, onRequest: () => undefined };
  const provider = await openProvider('copies', settings, surroundings);
  onTestFinished(() => provider.close());
  await provider.connect('target', calm);
  return { provider, silenced: (silence) => void proxy.inject({ match: made.completion, fault: { silence } }) };
}

const partSize = 5 * 2 ** 20;
const bytes = Buffer.alloc(partSize + 2 ** 20, 'large ');

async function sentWhole(provider: Provider): Promise<Upload> {
  const upload = await provider.startUpload('k', { size: bytes.length, partSize, attributes: noAttributes }, calm);
  for (const [at, offset] of [0, partSize].entries()) {
    const piece = bytes.subarray(offset, offset + partSize);
    await upload.part({ number: at + 1, offset, bytes: piece, checksums: await digestOf(piece) }, calm);
  }
  return upload;
}

test.for(Object.keys(cases))(
  '%s may be answered after a silence longer than any other, and is sent once',
  async (name) => {
    const { provider, silenced } = await opened(name);
    const upload = await sentWhole(provider);
    let sent = 0;
    silenced(async () => {
      sent += 1;
      await delay(3 * idle);
    });
    await upload.complete(await digestOf(bytes), await recordFor(bytes), calm);
    expect(sent).toBe(1);
    expect((await readAll(provider, 'k')).equals(bytes)).toBe(true);
  },
);

test.for(Object.keys(cases))('%s can be broken off while it is silent', async (name) => {
  const { provider, silenced } = await opened(name);
  const upload = await sentWhole(provider);
  const stop = new AbortController();
  silenced(() => new Promise(() => stop.abort()));
  const completing = upload.complete(await digestOf(bytes), await recordFor(bytes), stop.signal);
  await expect(completing).rejects.toMatchObject({ code: 'aborted' });
});
