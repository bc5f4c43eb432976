import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Candidate } from './read-source.ts';
import type { Choice } from './restore-choices.ts';

/** How long reading would take. Field names are part of the outside (`--json`). */
export interface Estimate {
  /** Null where a place that would be read from could not be measured. */
  readonly seconds: number | null;
  /** What it rests on: a few MiB at most that were read from each place, as one stream. */
  readonly samples: readonly Sample[];
  /** Bytes per second that `limits.bandwidth` allows, where that decides. */
  readonly bandwidth: number | null;
}

export interface Sample {
  readonly provider: string;
  /** What would be read from it. */
  readonly objects: number;
  readonly bytes: number;
  /** What was read from it now. */
  readonly sampledBytes: number;
  /** Null where nothing could be read. */
  readonly bytesPerSecond: number | null;
  /** Seconds until the first bytes of an object come. */
  readonly firstByteSeconds: number | null;
}

const sampleBytes = 4 * 1024 * 1024;

export interface EstimateOptions {
  readonly clock: Clock;
  readonly concurrency: number;
  /** Bytes per second, of all places together. */
  readonly bandwidth: number | undefined;
}

interface Share {
  objects: number;
  bytes: number;
  largest: Candidate;
}

/** Adds up what would be read from where, and measures the places with the largest object of each. */
export class Estimator {
  readonly #shares = new Map<string, Share>();

  add({ candidates: [from], size }: Choice): void {
    if (from === undefined) return;
    const share = this.#shares.get(from.provider.name) ?? { objects: 0, bytes: 0, largest: from };
    share.objects += 1;
    share.bytes += size;
    if (size > share.largest.size) share.largest = from;
    this.#shares.set(from.provider.name, share);
  }

  async estimate(options: EstimateOptions, signal: AbortSignal): Promise<Estimate> {
    const samples: Sample[] = [];
    // One after the other, so that none takes the line from another.
    for (const [provider, { objects, bytes, largest }] of this.#shares) {
      samples.push({ provider, objects, bytes, ...(await measure(largest, options.clock, signal)) });
    }
    const seconds = samples.map((sample) => secondsFor(sample, options));
    const allowed = samples.reduce((sum, { bytes }) => sum + bytes, 0) / (options.bandwidth ?? Infinity);
    const longest = Math.max(0, ...seconds.map((value) => value ?? 0));
    const measured = !seconds.includes(null);
    const bandwidth = measured && allowed > longest ? (options.bandwidth ?? null) : null;
    return { seconds: measured ? Math.max(longest, allowed) : null, samples, bandwidth };
  }
}

/** By the bytes, which come one after the other, and by the wait for each object's first, as many at once as are allowed. */
export function secondsFor(
  { objects, bytes, bytesPerSecond, firstByteSeconds }: Omit<Sample, 'provider' | 'sampledBytes'>,
  { concurrency }: Pick<EstimateOptions, 'concurrency'>,
): number | null {
  if (bytesPerSecond === null || firstByteSeconds === null) return null;
  return bytes / bytesPerSecond + (objects * firstByteSeconds) / Math.max(1, Math.min(concurrency, objects));
}

type Measured = Pick<Sample, 'sampledBytes' | 'bytesPerSecond' | 'firstByteSeconds'>;

async function measure(from: Candidate, clock: Clock, signal: AbortSignal): Promise<Measured> {
  const started = clock.now();
  let first: number | undefined;
  let sampledBytes = 0;
  try {
    const which = from.versionId === undefined ? { version: from.version } : { versionId: from.versionId };
    await using reader = await from.provider.read(from.key, which, signal);
    for await (const chunk of reader.body) {
      first ??= clock.now();
      sampledBytes += chunk.length;
      if (sampledBytes >= sampleBytes) break;
    }
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    return { sampledBytes, bytesPerSecond: null, firstByteSeconds: null };
  }
  // A clock that ticks in milliseconds; an empty object has no rate, and needs none.
  const elapsed = Math.max(1, clock.now() - started) / 1_000;
  const bytesPerSecond = Math.max(1, sampledBytes) / elapsed;
  return { sampledBytes, bytesPerSecond, firstByteSeconds: ((first ?? clock.now()) - started) / 1_000 };
}
