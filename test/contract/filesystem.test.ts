import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFilesystem } from '../../src/providers/filesystem/filesystem.ts';
import { newDirectory } from '../unit/filesystem/room.ts';
import type { OpenedProvider } from './provider.ts';
import { describeProviderContract } from './provider.ts';

async function open(): Promise<OpenedProvider> {
  const path = await newDirectory();
  // Not every disk that tests run on can clone.
  const provider = openFilesystem({ name: 'disk', path }, { clone: copyFile });
  return {
    provider,
    again: async () => openFilesystem({ name: 'disk', path }, { clone: copyFile }),
    close: async () => {
      await provider.close();
      await rm(path, { recursive: true, force: true });
    },
    tamper: { overwrite: (key, bytes) => writeFile(join(path, key), bytes, { flag: 'r+' }) },
  };
}

describeProviderContract('filesystem', { open, expectations: { listsUploads: 'without key' } });
