import { createHash } from 'node:crypto';
import type { Checkpoint, OpenUpload, Provider, ResumedUpload, Upload } from './provider.ts';

/**
 * Marks the checkpoints of uploads with the place that they were begun at. A provider's name in the configuration may be
 * given to another bucket, prefix or type: what was begun elsewhere is nothing to take up here, nor to throw away, and is
 * never shown to a provider that would not understand it, or would write to the other place.
 * @param place says where the keys lie, in any words that change when the place does.
 */
export function placed(provider: Provider, place: string): Provider {
  const mark = `${createHash('sha256').update(place).digest('hex').slice(0, 16)}:`;
  const marked = (checkpoint: Checkpoint): Checkpoint => mark + checkpoint;
  const own = (checkpoint: Checkpoint): Checkpoint | undefined =>
    checkpoint.startsWith(mark) ? checkpoint.slice(mark.length) : undefined;
  return {
    name: provider.name,
    connect: (role, signal) => provider.connect(role, signal),
    list: (options, signal) => provider.list(options, signal),
    head: (key, signal) => provider.head(key, signal),
    read: (key, options, signal) => provider.read(key, options, signal),
    put: (key, bytes, options, signal) => provider.put(key, bytes, options, signal),
    startUpload: async (key, options, signal) => as(marked, await provider.startUpload(key, options, signal)),
    resumeUpload: async (key, options, checkpoint, signal) => {
      const inner = own(checkpoint);
      if (inner === undefined) return undefined;
      const upload = await provider.resumeUpload(key, options, inner, signal);
      return upload === undefined ? undefined : resumedAs(marked, upload);
    },
    abortUpload: async (key, checkpoint, signal) => {
      const inner = own(checkpoint);
      if (inner !== undefined) await provider.abortUpload(key, inner, signal);
    },
    listUploads: async (key, known, signal) => {
      const inner = known.map(own).filter((checkpoint) => checkpoint !== undefined);
      const found = await provider.listUploads(key, inner, signal);
      return found.map((upload): OpenUpload => ({ ...upload, checkpoint: marked(upload.checkpoint) }));
    },
    delete: (key, options, signal) => provider.delete(key, options, signal),
    close: () => provider.close(),
  };
}

type Marked = (checkpoint: Checkpoint) => Checkpoint;

function as(marked: Marked, upload: Upload): Upload {
  return {
    checkpoint: marked(upload.checkpoint),
    part: (part, signal) => upload.part(part, signal),
    complete: (digest, record, signal) => upload.complete(digest, record, signal),
    abort: (signal) => upload.abort(signal),
    leave: () => upload.leave(),
  };
}

function resumedAs(marked: Marked, upload: ResumedUpload): ResumedUpload {
  return { ...as(marked, upload), keep: (part, signal) => upload.keep(part, signal) };
}
