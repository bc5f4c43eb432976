import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { isReserved } from '../objects/key.ts';
import { listBothKinds } from './encoded-listing.ts';
import type { Names } from './encoded-names.ts';
import { find, preconditionFor, remove, writable } from './encoded-names.ts';
import type { Capabilities, Precondition, Provider, ResumedUpload, StoredCopy, Upload } from './provider.ts';
import { asKey, readerAsKey, resumedAsKey, uploadAsKey } from './rekey.ts';

/**
 * Holds keys that a provider cannot hold as they are, under the hex of their bytes below `.holdfast/keys/`.
 *
 * Where another program did store such a key natively, it is listed and read as it stands; an encoded copy comes
 * before it. That rests on the provider refusing, and never changing, a key that it cannot express.
 *
 * `canHold`: whether the provider returns a key exactly as given. `maxKeyBytes`: the longest key it takes.
 * The provider's listings must be in order: wrap one whose listings are not with `ordered` first.
 */
export function encodedKeys(provider: Provider, canHold: (key: Key) => boolean, maxKeyBytes: number): Provider {
  const names: Names = { provider, isNative: (key) => isReserved(key) || canHold(key), maxKeyBytes };
  return {
    name: provider.name,
    connect: async (role, signal) => orderedOnly(provider.name, await provider.connect(role, signal)),
    list: (options, signal) => listBothKinds(provider, canHold, options, signal),
    head: async (key, signal) => ({ ...(await find(names, key, (name) => provider.head(name, signal))), key }),
    read: async (key, options, signal) =>
      readerAsKey(key, await find(names, key, (name) => provider.read(name, options, signal))),
    put: (key, bytes, options, signal) =>
      asKey(
        key,
        writing(names, key, options, signal, async (name, held) =>
          named(key, name, await provider.put(name, bytes, held, signal)),
        ),
      ),
    startUpload: async (key, options, signal) => {
      const starting = writing(names, key, options, signal, async (name, held) =>
        uploadNamed(key, name, await provider.startUpload(name, held, signal)),
      );
      return uploadAsKey(key, await asKey(key, starting));
    },
    resumeUpload: async (key, options, checkpoint, signal) => {
      const resuming = writing(names, key, options, signal, async (name, held) =>
        resumedNamed(key, name, await provider.resumeUpload(name, held, checkpoint, signal)),
      );
      return resumedAsKey(key, await asKey(key, resuming));
    },
    abortUpload: async (key, checkpoint, signal) => {
      if (key === null) await provider.abortUpload(null, checkpoint, signal);
      else await asKey(key, provider.abortUpload(writable(names, key), checkpoint, signal));
    },
    listUploads: async (key, known, signal) =>
      key === null
        ? provider.listUploads(null, known, signal)
        : asKey(key, provider.listUploads(writable(names, key), known, signal)),
    delete: (key, options, signal) => asKey(key, remove(names, key, options, signal)),
    close: () => provider.close(),
  };
}

async function writing<T, O extends { readonly precondition?: Precondition }>(
  names: Names,
  key: Key,
  options: O,
  signal: AbortSignal,
  write: (name: Key, options: O) => Promise<T>,
): Promise<T> {
  const name = writable(names, key);
  if (name === key || options.precondition === undefined) return write(name, options);
  return write(name, { ...options, precondition: await preconditionFor(names, key, options.precondition, signal) });
}

function named(key: Key, name: Key, stored: StoredCopy): StoredCopy {
  return name === key ? stored : { ...stored, name };
}

function uploadNamed(key: Key, name: Key, upload: Upload): Upload {
  return {
    checkpoint: upload.checkpoint,
    leave: () => upload.leave(),
    part: (part, signal) => upload.part(part, signal),
    complete: async (digest, record, signal) => named(key, name, await upload.complete(digest, record, signal)),
    abort: (signal) => upload.abort(signal),
  };
}

function resumedNamed(key: Key, name: Key, upload: ResumedUpload | undefined): ResumedUpload | undefined {
  if (upload === undefined) return undefined;
  return { ...uploadNamed(key, name, upload), keep: (part, signal) => upload.keep(part, signal) };
}

function orderedOnly(provider: string, capabilities: Capabilities): Capabilities {
  if (capabilities.listing === 'ordered') return capabilities;
  const message = `"${provider}" does not list in order, so that its encoded keys cannot be merged with the others.`;
  throw new ProviderError('unsupported', message, { provider });
}
