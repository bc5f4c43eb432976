import { afterAll, beforeAll, describe } from 'vitest';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { Key } from '../../src/objects/key.ts';
import { encodedKeys } from '../../src/providers/encoded-keys.ts';
import { encodedPrefix, encodeKey } from '../../src/providers/key-encoding.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { canHoldKey, openS3 } from '../../src/providers/s3/s3.ts';
import type { S3Options } from '../../src/providers/s3/s3.ts';
import { startFakeS3 } from '../support/fake-s3/fake-s3.ts';
import type { FakeS3 } from '../support/fake-s3/fake-s3.ts';
import { findServer } from '../support/servers.ts';
import { startVersitygw } from '../support/versitygw.ts';
import type { Versitygw } from '../support/versitygw.ts';
import type { OpenedProvider } from './provider.ts';
import { describeProviderContract } from './provider.ts';

const attests = { put: 'crc32c', upload: 'crc32c' } as const;
let buckets = 0;

function nextBucket(): string {
  buckets += 1;
  return `bucket-${buckets}`;
}

async function open(options: Omit<S3Options, 'name'>): Promise<OpenedProvider> {
  const again = () => openS3({ ...options, name: 's3' });
  const provider = await again();
  return { provider, again, close: () => provider.close() };
}

/** In bytes. AWS takes no less than 5 MiB, and versitygw below and the unit tests are sent such. */
const minPartSize = 64 * 1024;

function withSmallParts(provider: Provider): Provider {
  const connect = provider.connect.bind(provider);
  provider.connect = async (role, signal) => {
    const { limits, ...capabilities } = await connect(role, signal);
    return { ...capabilities, limits: { ...limits, part: { ...limits.part, min: minPartSize } } };
  };
  return provider;
}

describe('a server that does what AWS documents', () => {
  let fake: FakeS3;
  beforeAll(async () => {
    fake = await startFakeS3({ buckets: [], pageSize: 100, minPartSize });
  });
  afterAll(() => fake.stop());

  describeProviderContract('S3', {
    async open() {
      const bucket = nextBucket();
      fake.createBucket(bucket);
      const { provider, again, close } = await open({ ...fake.access, bucket });
      return { provider: withSmallParts(provider), again, close };
    },
    openMissing: () => open({ ...fake.access, bucket: 'nowhere' }),
    expectations: { refuses: (key) => !canHoldKey(key), attests, pageCrossing: 250, propertyRuns: 15 },
  });
});

/**
 * It keeps objects as files: a key and keys below it exclude each other, and names end at 255 bytes. So all but
 * plain file names are kept encoded here; test/unit/s3/versitygw.test.ts has the keys it holds by itself.
 */
function isFileName(key: Key): boolean {
  return (
    canHoldKey(key) &&
    /^[^./\p{Cc}\ufffe\uffff][^/\p{Cc}\ufffe\uffff]*$/u.test(key) &&
    Buffer.byteLength(key) <= longestName
  );
}

const longestName = 255;
const longestEncoded = encodedPrefix.length + longestName;

// versitygw is Go and comes without a package; test/support/servers.ts knows how to get it, and the run says so.
describe.runIf(findServer('versitygw') !== undefined)('versitygw', () => {
  let server: Versitygw | undefined;
  let access: Omit<S3Options, 'name' | 'bucket'>;
  beforeAll(async () => {
    server = await startVersitygw();
    if (server === undefined) throw new Error('versitygw was here a moment ago.');
    const { endpoint, accessKeyId, secretAccessKey } = server;
    access = { endpoint, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } };
  });
  afterAll(() => server?.stop());

  async function createBucket(): Promise<string> {
    const bucket = nextBucket();
    const client = new S3Client({ ...access, region: 'us-east-1' });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
    return bucket;
  }

  function encoded({ provider, again, close }: OpenedProvider): OpenedProvider {
    const encode = (bare: Provider) => encodedKeys(bare, isFileName, longestEncoded);
    return { provider: encode(provider), again: async () => encode(await again()), close };
  }

  describeProviderContract('S3', {
    open: async () => encoded(await open({ ...access, bucket: await createBucket(), pageSize: 100 })),
    openMissing: () => open({ ...access, bucket: 'nowhere' }),
    expectations: {
      refuses: (key) => !isFileName(key) && encodeKey(key).length > longestEncoded,
      attests,
      pageCrossing: 250,
      propertyRuns: 10,
    },
  });
});
