import type { MemoryOptions } from '../../src/providers/memory/memory.ts';
import { MemoryProvider, memoryCapabilities } from '../../src/providers/memory/memory.ts';
import type { OpenedProvider } from './provider.ts';
import { describeProviderContract } from './provider.ts';
import { isUnicode } from '../../src/objects/key.ts';

const { limits } = memoryCapabilities;

function open(options: MemoryOptions): () => Promise<OpenedProvider> {
  return () => {
    const provider = new MemoryProvider(options);
    const again = async () => new MemoryProvider({ ...options, bucket: provider.bucket });
    return Promise.resolve({ provider, again, close: () => provider.close() });
  };
}

describeProviderContract('a memory provider that can do little', {
  open: open({
    pageSize: 7,
    refuses: (key) => (isUnicode(key) ? undefined : 'it is not UTF-8'),
    capabilities: {
      listing: 'unordered',
      attests: {},
      wants: { put: [], part: [], upload: [] },
      conditionalWrites: false,
      limits: {
        ...limits,
        part: { min: 2_000, max: 4_000, multipleOf: 256, maxCount: 10, order: 'sequential' },
      },
    },
  }),
  expectations: {
    listing: 'unordered',
    refuses: (key) => !isUnicode(key),
    preconditions: { put: 'ignored', upload: 'ignored' },
    pageCrossing: 50,
  },
});

describeProviderContract('a memory provider that attests parts', {
  open: open({ capabilities: { attests: { upload: 'crc32c of every part' } } }),
  expectations: { attests: { upload: 'crc32c of every part' } },
});
