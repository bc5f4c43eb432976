import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectHead } from '../objects/object.ts';
import type {
  Capabilities,
  ListPage,
  MonitoredProvider,
  ObjectReader,
  ProviderHealth,
  PutOptions,
  StoredCopy,
  Upload,
  UploadOptions,
} from '../providers/provider.ts';

const name = 'nowhere';

const capabilities: Capabilities = {
  listing: 'ordered',
  // There is nothing that could differ from what was given.
  attests: { put: 'sha256', upload: 'sha256' },
  wants: { put: [], part: [], upload: [] },
  conditionalWrites: true,
  conditionalDeletes: true,
  limits: {
    maxObjectSize: Number.MAX_SAFE_INTEGER,
    maxPutSize: Number.MAX_SAFE_INTEGER,
    part: { min: 1, max: Number.MAX_SAFE_INTEGER, multipleOf: 1, maxCount: Number.MAX_SAFE_INTEGER, order: 'any' },
  },
};

/** A destination that takes every byte and keeps none, for a restore that is rehearsed. */
export class Discard implements MonitoredProvider {
  readonly name = name;

  async connect(): Promise<Capabilities> {
    return capabilities;
  }

  async *list(): AsyncGenerator<ListPage, void, undefined> {}

  async head(key: Key): Promise<ObjectHead> {
    throw nothingAt(key);
  }

  async read(key: Key): Promise<ObjectReader> {
    throw nothingAt(key);
  }

  async put(_: Key, bytes: Buffer, { digest }: PutOptions): Promise<StoredCopy> {
    return { version: digest.sha256, size: bytes.length, attested: 'sha256' };
  }

  async startUpload(_: Key, { size }: UploadOptions): Promise<Upload> {
    return {
      checkpoint: name,
      part: async () => {},
      complete: async ({ sha256 }) => ({ version: sha256, size, attested: 'sha256' }),
      abort: async () => {},
      leave: async () => {},
    };
  }

  async resumeUpload(): Promise<undefined> {}

  async abortUpload(): Promise<void> {}

  async listUploads(): Promise<readonly never[]> {
    return [];
  }

  async delete(): Promise<void> {}

  async close(): Promise<void> {}

  health(): ProviderHealth {
    return { state: 'up', lastError: null };
  }
}

function nothingAt(key: Key): ProviderError {
  return new ProviderError('not-found', `${key} is not there: nothing is kept`, { provider: name, key });
}
