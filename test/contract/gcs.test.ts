import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { canHoldKey, openGcs } from '../../src/providers/gcs/gcs.ts';
import type { RunningServer } from '../support/fake-gcs-server.ts';
import { startFakeGcsServer } from '../support/fake-gcs-server.ts';
import { startFakeGcs } from '../support/fake-gcs/server.ts';
import { findServer } from '../support/servers.ts';
import type { Expectations, ProviderFixture } from './provider.ts';
import { describeProviderContract } from './provider.ts';

const expectations: Expectations = {
  refuses: (key) => !canHoldKey(key),
  attests: { put: 'crc32c', upload: 'crc32c' },
};

async function createBucket(endpoint: string, name: string): Promise<void> {
  const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  if (!answer.ok) throw new Error(`no bucket: ${answer.status} ${await answer.text()}`);
}

function fixtureFor(endpoint: () => string, more: Expectations): ProviderFixture {
  return {
    open: async () => {
      const bucket = `bucket-${randomUUID()}`;
      await createBucket(endpoint(), bucket);
      const provider = openGcs({ name: 'gcp', bucket, endpoint: endpoint() });
      return { provider, close: () => provider.close() };
    },
    openMissing: () => {
      const provider = openGcs({ name: 'gcp', bucket: `missing-${randomUUID()}`, endpoint: endpoint() });
      return Promise.resolve({ provider, close: () => provider.close() });
    },
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
  // It looks at preconditions of inserts only.
  against('against fake-gcs-server', startFakeGcsServer, { preconditions: { delete: 'ignored' } });
}
