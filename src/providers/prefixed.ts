import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { isReserved, reservedPrefix } from '../objects/key.ts';
import type { ListOptions, ListPage, Provider } from './provider.ts';
import { asKey, readerAsKey, resumedAsKey, uploadAsKey } from './rekey.ts';

/**
 * Keeps everything below `prefix` (it ends in `/`) of another provider, Holdfast's own keys included. Keys above
 * it are neither seen nor touched, but for what the other provider's `connect` does.
 */
export function prefixed(provider: Provider, prefix: string): Provider {
  if (!prefix.endsWith('/')) throw new RangeError(`A prefix ends in "/", unlike ${JSON.stringify(prefix)}.`);
  const inner = (key: Key): Key => {
    // The empty key would be the prefix itself, which other programs use to mark a directory.
    if (key !== '') return prefix + key;
    throw new ProviderError('unsupported', 'No object has an empty key.', { provider: provider.name, key });
  };
  return {
    name: provider.name,
    connect: (role, signal) => provider.connect(role, signal),
    list: (options, signal) => list(provider, prefix, options, signal),
    head: async (key, signal) => ({ ...(await asKey(key, provider.head(inner(key), signal))), key }),
    read: async (key, options, signal) =>
      readerAsKey(key, await asKey(key, provider.read(inner(key), options, signal))),
    put: async (key, bytes, options, signal) => asKey(key, provider.put(inner(key), bytes, options, signal)),
    startUpload: async (key, options, signal) =>
      uploadAsKey(key, await asKey(key, provider.startUpload(inner(key), options, signal))),
    resumeUpload: async (key, options, checkpoint, signal) =>
      resumedAsKey(key, await asKey(key, provider.resumeUpload(inner(key), options, checkpoint, signal))),
    abortUpload: async (key, checkpoint, signal) => {
      if (key === null) await provider.abortUpload(null, checkpoint, signal);
      else await asKey(key, provider.abortUpload(inner(key), checkpoint, signal));
    },
    listUploads: async (key, known, signal) =>
      key === null
        ? provider.listUploads(null, known, signal)
        : asKey(key, provider.listUploads(inner(key), known, signal)),
    delete: async (key, options, signal) => asKey(key, provider.delete(inner(key), options, signal)),
    close: () => provider.close(),
  };
}

async function* list(
  provider: Provider,
  prefix: string,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  const wanted = options.prefix ?? '';
  const after = options.after === undefined ? {} : { after: prefix + options.after };
  // The other provider hides only its own reserved keys, not those below our prefix.
  const hides = wanted.startsWith(reservedPrefix) ? () => false : isReserved;
  for await (const page of provider.list({ prefix: prefix + wanted, ...after }, signal)) {
    yield withoutPrefix(page, prefix, hides);
  }
}

function withoutPrefix(page: ListPage, prefix: string, hides: (key: Key) => boolean): ListPage {
  const strip = <T extends { readonly key: Key }>(items: readonly T[]): T[] =>
    items.map((item) => ({ ...item, key: item.key.slice(prefix.length) })).filter((item) => !hides(item.key));
  const entries = strip(page.entries);
  const ignored = strip(page.ignored ?? []);
  if (entries.some((entry) => entry.key === '')) {
    ignored.push({ key: '', reason: `${JSON.stringify(prefix)} is the prefix itself and has no key below it` });
  }
  return { entries: entries.filter((entry) => entry.key !== ''), ...(ignored.length > 0 && { ignored }) };
}
