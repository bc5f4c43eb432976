import { ProviderError } from '../objects/errors.ts';
import {
  alsoForSource,
  asProviderError,
  contentOf,
  keyAtDestinations,
  requireArrived,
  requireDigest,
  streamOf,
  wanted,
  type CopyJob,
  type CopyOptions,
  type CopyResult,
} from './copy-job.ts';
import { digestOf } from './hash.ts';
import { mostSent, planParts, suits } from './part-size.ts';
import { readWhole } from './read-source.ts';
import { sideBySide } from './side-by-side.ts';
import { putCopy, type Stored } from './store.ts';
import { uploadInParts, type UploadPlan } from './upload.ts';

/**
 * Reads the object once and stores it at every destination. A destination that fails is left behind with its error;
 * the others are served.
 * @throws ProviderError when the bytes could not be read or are not the object's; then nothing became visible anywhere.
 */
export async function copyObject(job: CopyJob, options: CopyOptions, signal: AbortSignal): Promise<CopyResult> {
  const plan = planParts(
    job.from.size,
    job.destinations.map((to) => to.capabilities),
    options.budget.total,
  );
  if (plan === undefined) return await copyToEachAlone(job, options, signal);
  if (plan.kind === 'put') return await copyWhole(job, options, signal);
  if (plan.partSize > options.budget.total) throw tooLargeForMemory(job, plan.partSize, options.budget.total);
  return await uploadInParts(job, await resuming(job, plan.partSize, options), options, signal);
}

/** Parts of the size that most of what earlier attempts sent came in, where that size still suits. */
async function resuming(job: CopyJob, planned: number, options: CopyOptions): Promise<UploadPlan> {
  const names = job.destinations.map((to) => to.name);
  const recorded = (await options.uploads?.recorded(keyAtDestinations(job), names)) ?? [];
  const { size } = job.from;
  const usable = recorded.filter((row) => row.version === job.sourceVersion && row.size === size);
  const limits = job.destinations.map((to) => to.capabilities);
  const suiting = usable.filter(({ partSize }) => suits(partSize, size, limits, options.budget.total));
  return { partSize: mostSent(suiting) ?? planned, recorded };
}

/** No part size suits all destinations at once, so that each gets a read of its own. */
async function copyToEachAlone(job: CopyJob, options: CopyOptions, signal: AbortSignal): Promise<CopyResult> {
  if (job.destinations.length === 1) throw unsuitable(job);
  const outcomes = new Map<string, Stored | ProviderError>();
  let read: CopyResult['read'] = null;
  for (const to of job.destinations) {
    try {
      const alone = await copyObject({ ...job, destinations: [to] }, options, signal);
      read ??= alone.read;
      for (const [name, result] of alone.outcomes) outcomes.set(name, result);
    } catch (error) {
      outcomes.set(to.name, asProviderError(error, to.name, job.from.key));
    }
  }
  return { read, outcomes };
}

async function copyWhole(job: CopyJob, options: CopyOptions, signal: AbortSignal): Promise<CopyResult> {
  const release = await options.budget.reserve(job.from.size, signal);
  try {
    const stream = streamOf(job, options, signal);
    const bytes = await readWhole(stream, job.from.size);
    const digest = await digestOf(bytes, [...wanted(job, 'put'), ...alsoForSource(stream.head)]);
    requireArrived(job, stream.head, digest);
    requireDigest(job, digest, stream.from);
    const content = contentOf(job, digest, stream.head);
    const outcomes = await sideBySide(
      job.destinations.map((to) => ({
        name: to.name,
        run: async (own) => await putCopy(to, content, bytes, options, own),
        isUnwell: () => to.isUnwell?.() === true,
      })),
      { key: job.from.key, bytes: bytes.length, clock: options.clock, convoy: options.convoy, signal },
    );
    return { read: { digest, attributes: content.attributes, from: stream.from }, outcomes };
  } finally {
    release();
  }
}

function unsuitable(job: CopyJob): ProviderError {
  const { provider, key, size } = job.from;
  const names = job.destinations.map((to) => to.name).join(', ');
  const message = `no part size suits ${key} (${size} bytes) at ${names}; the object is too large for a target`;
  return new ProviderError('unsupported', message, { provider: provider.name, key });
}

function tooLargeForMemory(job: CopyJob, partSize: number, limit: number): ProviderError {
  const { provider, key, size } = job.from;
  const message = `${key} (${size} bytes) needs parts of ${partSize} bytes, and limits.memory lets ${limit} bytes travel at once; raise it`;
  return new ProviderError('unsupported', message, { provider: provider.name, key });
}
