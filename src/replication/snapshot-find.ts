import { createHash } from 'node:crypto';
import { ProviderError } from '../objects/errors.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { ObjectStream } from './read-source.ts';
import type { Site } from './site.ts';
import { catalogFile, catalogPrefix, parseSnapshotKey, snapshotPrefix, sumsFile } from './snapshot-name.ts';
import { isWhole, listSnapshots, type FoundSnapshot } from './snapshot-store.ts';

/** A snapshot at one of the sites. */
export interface PlacedSnapshot extends FoundSnapshot {
  readonly site: Site;
}

export interface HeldSnapshot extends PlacedSnapshot {
  /** The names of the sites that hold it with the same sums, this one among them. */
  readonly heldBy: readonly string[];
}

/**
 * All that are whole, at all sites that answer; the others are left out. First those that at least two sites hold with
 * the same sums, newest first, then the rest: whoever can write at one place can put a later time there, and a clock may
 * have been ahead.
 */
export async function findSnapshots(sites: readonly Site[], signal: AbortSignal): Promise<readonly HeldSnapshot[]> {
  const found = await wholeSnapshots(sites, signal);
  const sums = await Promise.all(found.map(async (snapshot) => await sumsOrNone(snapshot, signal)));
  const held = found.map((snapshot, index): HeldSnapshot => {
    const same = found.filter((other, at) => isSame(other, snapshot) && sums[at] === sums[index]);
    const names = sums[index] === undefined ? [snapshot.site.name] : same.map(({ site }) => site.name);
    return { ...snapshot, heldBy: names };
  });
  return held.toSorted((a, b) => Number(b.heldBy.length > 1) - Number(a.heldBy.length > 1) || b.takenAt - a.takenAt);
}

function isSame(a: PlacedSnapshot, b: PlacedSnapshot): boolean {
  return snapshotPrefix(a) === snapshotPrefix(b);
}

/** @returns undefined when they cannot be read. */
async function sumsOrNone(snapshot: PlacedSnapshot, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await sumsOf(snapshot, signal);
  } catch (error) {
    if (error instanceof ProviderError && !signal.aborted) return undefined;
    throw error;
  }
}

async function wholeSnapshots(sites: readonly Site[], signal: AbortSignal): Promise<readonly PlacedSnapshot[]> {
  const answers = sites.map(async (site): Promise<readonly PlacedSnapshot[]> => {
    try {
      await site.connect('source', signal);
      const found = await listSnapshots(site.provider, catalogPrefix, signal);
      return found.filter(isWhole).map((snapshot) => ({ ...snapshot, site }));
    } catch (error) {
      if (error instanceof ProviderError && !signal.aborted) return [];
      throw error;
    }
  });
  return (await Promise.all(answers)).flat();
}

/**
 * The compressed catalog of a snapshot, checked while it streams.
 * @throws ProviderError when it cannot be read, or at the end when its bytes are not those that the snapshot names
 */
export async function* readSnapshot(snapshot: PlacedSnapshot, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const expected = await sumOf(snapshot, signal);
  const hash = createHash('sha256');
  for await (const chunk of streamOf(snapshot, catalogFile, signal)) {
    hash.update(chunk);
    yield chunk;
  }
  const found = hash.digest('hex');
  if (found === expected) return;
  throw damaged(snapshot, `its SHA-256 is ${found} instead of ${expected ?? 'the one that is not named'}`);
}

/** Larger than any list of sums: what is larger is none. */
const largestSums = 16 * 1024 ** 2;

async function sumOf(snapshot: PlacedSnapshot, signal: AbortSignal): Promise<string | undefined> {
  const lines = (await sumsOf(snapshot, signal)).split('\n');
  return lines.find((line) => line.endsWith(`  ${catalogFile}`))?.slice(0, 64);
}

async function sumsOf(snapshot: PlacedSnapshot, signal: AbortSignal): Promise<string> {
  if (entryOf(snapshot, sumsFile).size > largestSums) throw damaged(snapshot, 'its list of sums is too long');
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamOf(snapshot, sumsFile, signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function streamOf(snapshot: PlacedSnapshot, file: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const { key, version, size } = entryOf(snapshot, file);
  const { provider } = snapshot.site;
  return new ObjectStream({ provider, key, version, size }, signal, () => undefined).chunks();
}

function entryOf(snapshot: PlacedSnapshot, file: string): ObjectInfo {
  const entry = snapshot.entries.find(({ key }) => parseSnapshotKey(key)?.file === file);
  if (entry === undefined) throw damaged(snapshot, `it has no ${file}`);
  return entry;
}

function damaged(snapshot: PlacedSnapshot, why: string): ProviderError {
  const { name } = snapshot.site;
  const key = snapshotPrefix(snapshot);
  return new ProviderError('checksum-mismatch', `the snapshot ${key} at ${name} is damaged: ${why}`, {
    provider: name,
    key,
  });
}
