import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { canHoldKey, openGcs } from '../../src/providers/gcs/gcs.ts';
import type { RunningServer } from '../support/fake-gcs-server.ts';
import { startFakeGcsServer } from '../support/fake-gcs-server.ts';
import { startFakeGcs } from '../support/fake-gcs/server.ts';
import { findServer } from '../support/servers.ts';
import type { Expectations, OpenedProvider, ProviderFixture } from './provider.ts';
import { describeProviderContract } from './provider.ts';

const expectations: Expectations = {
  refuses: (key) => !canHoldKey(key),
  attests: { put: 'crc32c', upload: 'crc32c' },
  listsUploads: 'never',
};

async function createBucket(endpoint: string, name: string): Promise<void> {
  const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  if (!answer.ok) throw new Error(`no bucket: ${answer.status} ${await answer.text()}`);
}

function opened(bucket: string, endpoint: string): OpenedProvider {
  const open = () => openGcs({ name: 'gcp', bucket, endpoint });
  const provider = open();
  return { provider, again: async () => open(), close: () => provider.close() };
}

function fixtureFor(endpoint: () => string, more: Expectations): ProviderFixture {
  return {
    open: async () => {
      const bucket = `bucket-${randomUUID()}`;
      await createBucket(endpoint(), bucket);
      return opened(bucket, endpoint());
    },
    openMissing: async () => opened(`missing-${randomUUID()}`, endpoint()),
    expectations: { ...expectations, ...more },
  };
}

function against(name: string, start: () => Promise<RunningServer | undefined>, more: Expectations = {}): void {
  describe(`gcs, ${name}`, () => {
    let server: RunningServer | undefined;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server?.stop());
    describeProviderContract(
      'it',
      fixtureFor(() => server?.endpoint ?? '', more),
    );
  });
}

against('against our own server', startFakeGcs);

if (findServer('fake-gcs-server') !== undefined) {
  // It looks at preconditions of inserts only, and takes the question how much it has for the end of the upload.
  against('against fake-gcs-server', startFakeGcsServer, { preconditions: { delete: 'ignored' }, resumes: false });
}
