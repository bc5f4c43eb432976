import { MemoryProvider } from '../../src/providers/memory/memory.ts';
import type { MemoryOptions } from '../../src/providers/memory/memory.ts';
import type { OpenedProvider } from './provider.ts';
import { describeProviderContract } from './provider.ts';

function opened(options: MemoryOptions = {}): Promise<OpenedProvider> {
  const provider = new MemoryProvider(options);
  const again = async () => new MemoryProvider({ ...options, bucket: provider.bucket });
  return Promise.resolve({ provider, again, close: () => provider.close() });
}

describeProviderContract('memory', {
  open: () => opened(),
  openMissing: () => opened({ bucket: null }),
  expectations: { attests: { put: 'crc32c', upload: 'crc32c' } },
});
