import type { Provider } from './provider.ts';

/** All calls of a provider as they are, for what changes some of them: methods of a class are not taken over by `...`. */
export function forwarded(provider: Provider): Provider {
  return {
    name: provider.name,
    connect: (role, signal) => provider.connect(role, signal),
    list: (options, signal) => provider.list(options, signal),
    head: (key, signal) => provider.head(key, signal),
    read: (key, options, signal) => provider.read(key, options, signal),
    put: (key, bytes, options, signal) => provider.put(key, bytes, options, signal),
    startUpload: (key, options, signal) => provider.startUpload(key, options, signal),
    resumeUpload: (key, options, checkpoint, signal) => provider.resumeUpload(key, options, checkpoint, signal),
    abortUpload: (key, checkpoint, signal) => provider.abortUpload(key, checkpoint, signal),
    listUploads: (key, known, signal) => provider.listUploads(key, known, signal),
    delete: (key, options, signal) => provider.delete(key, options, signal),
    close: () => provider.close(),
  };
}
