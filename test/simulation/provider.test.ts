import type { Attestation } from '../../src/objects/evidence.ts';
import type { Capabilities } from '../../src/providers/provider.ts';
import { describeProviderContract, type OpenedProvider } from '../contract/provider.ts';
import { SimulatedProvider } from './world/client.ts';
import { Store } from './world/store.ts';
import type { UploadListing } from './world/uploads.ts';

const capabilities: Capabilities = {
  listing: 'ordered',
  attests: {},
  wants: { put: ['crc32c'], part: ['crc32c'], upload: ['crc32c'] },
  conditionalWrites: true,
  conditionalDeletes: true,
  limits: {
    maxObjectSize: 2 ** 40,
    maxPutSize: 2 ** 30,
    part: { min: 1, max: 2 ** 30, multipleOf: 1, maxCount: 10_000, order: 'any' },
  },
};

interface Kind {
  readonly versions?: 'unique' | 'etag';
  readonly listsUploads?: UploadListing;
  readonly comparesParts?: boolean;
}

function opened(changes: Partial<Capabilities>, kind: Kind = {}): Promise<OpenedProvider> {
  const { versions = 'unique', listsUploads = 'by key', comparesParts = true } = kind;
  const store = new Store({
    name: 'simulated',
    ...{ versions, listsUploads, keepsReplaced: false, now: () => Date.now() },
    ...{ onEffect: () => undefined, onAbort: () => undefined },
  });
  const again = async (): Promise<SimulatedProvider> =>
    new SimulatedProvider({
      ...{ store, capabilities: { ...capabilities, ...changes }, doer: { process: 'the test' } },
      ...{ pageSize: 500, chunkSize: 65_536, breaksOff: true, comparesParts },
    });
  return again().then((provider) => ({ provider, again, close: () => provider.close() }));
}

// Without a wire nothing goes wrong: then it must be a provider like any other.
for (const upload of ['crc32c', 'crc32c of every part'] satisfies Attestation[]) {
  const attests = { put: 'crc32c', upload } as const;
  describeProviderContract(`a simulated provider that attests ${upload}`, {
    open: () => opened({ attests }),
    expectations: { attests },
  });
}

describeProviderContract('a simulated provider that can do little', {
  open: () =>
    opened(
      { listing: 'unordered', conditionalWrites: false },
      { versions: 'etag', listsUploads: 'without key', comparesParts: false },
    ),
  expectations: {
    ...{ listing: 'unordered', preconditions: { put: 'ignored', upload: 'ignored' } },
    listsUploads: 'without key',
  },
});
