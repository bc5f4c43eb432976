import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import type { CopyOptions } from './copy-job.ts';
import { copyObject } from './copy.ts';
import type { Candidate } from './read-source.ts';
import type { Site } from './site.ts';
import { catalogPrefix, parseSnapshotKey, snapshotPrefix, sumsFile, type SnapshotName } from './snapshot-name.ts';

/** A file of a snapshot that is ready to be stored. */
export interface SnapshotFile {
  readonly name: string;
  readonly contentType: string;
  readonly sha256: string;
  readonly from: Candidate;
}

/**
 * Stores the files at every site, verified like any copy. A site where one of them fails is left behind.
 * @param files in this order; the last says that it is whole
 * @returns what went wrong, by site
 */
export async function storeSnapshot(
  sites: readonly Site[],
  snapshot: SnapshotName,
  files: readonly SnapshotFile[],
  options: CopyOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ProviderError>> {
  const failures = new Map<string, ProviderError>();
  for (const file of files) {
    const destinations = sites.flatMap(({ name, provider, capabilities }) =>
      failures.has(name) || capabilities === undefined ? [] : [{ name, provider, capabilities, occupied: null }],
    );
    if (destinations.length === 0) break;
    const job = {
      from: file.from,
      as: `${snapshotPrefix(snapshot)}${file.name}`,
      attributes: { contentType: file.contentType, metadata: {} },
      sourceVersion: file.sha256,
      sourceModifiedAt: snapshot.takenAt,
      sha256: file.sha256,
      destinations,
    };
    const { outcomes } = await copyObject(job, options, signal);
    for (const [name, outcome] of outcomes) if (outcome instanceof ProviderError) failures.set(name, outcome);
  }
  return failures;
}

/** What clocks of processes that share a catalog may differ by, in milliseconds. */
const clocksDiffer = 3_600_000;

/**
 * Deletes the snapshots of this catalog beyond the newest `keep` that are whole, and what was left of others before
 * these. Those of other catalogs are none of its business. `taken` is the newest: one that says it was taken long after it
 * was taken under a clock that was ahead, and is older.
 */
export async function pruneSnapshots(
  { provider, capabilities }: Site,
  taken: SnapshotName,
  keep: number,
  signal: AbortSignal,
): Promise<void> {
  const found = await listSnapshots(provider, `${catalogPrefix}${taken.catalog}/`, signal);
  const isAhead = ({ takenAt }: SnapshotName): boolean => takenAt > taken.takenAt + clocksDiffer;
  const whole = found.filter(isWhole).toSorted((a, b) => b.takenAt - a.takenAt);
  const kept = [...whole.filter((one) => !isAhead(one)), ...whole.filter(isAhead)].slice(0, keep);
  if (kept.length === 0) return;
  const oldestKept = Math.min(...kept.map(({ takenAt }) => takenAt));
  for (const snapshot of found) {
    const isOver = isWhole(snapshot) ? !kept.includes(snapshot) : snapshot.takenAt < oldestKept;
    if (!isOver) continue;
    // What says that it is whole goes first.
    const ordered = snapshot.entries.toSorted(
      (a, b) => Number(b.key.endsWith(sumsFile)) - Number(a.key.endsWith(sumsFile)),
    );
    for (const { key, version } of ordered) {
      await provider.delete(
        key,
        capabilities?.conditionalDeletes === true ? { precondition: { version } } : {},
        signal,
      );
    }
  }
}

/** A snapshot as it stands at a provider. */
export interface FoundSnapshot extends SnapshotName {
  readonly entries: readonly ObjectInfo[];
}

export function isWhole({ entries }: FoundSnapshot): boolean {
  return entries.some(({ key }) => parseSnapshotKey(key)?.file === sumsFile);
}

/** Those below a prefix; they are few, as only a configured few are kept. */
export async function listSnapshots(
  provider: Site['provider'],
  prefix: Key,
  signal: AbortSignal,
): Promise<readonly FoundSnapshot[]> {
  const found = new Map<string, SnapshotName & { readonly entries: ObjectInfo[] }>();
  for await (const page of provider.list({ prefix }, signal)) {
    for (const entry of page.entries) {
      const name = parseSnapshotKey(entry.key);
      if (name === undefined) continue;
      const { catalog, takenAt } = name;
      const folder = snapshotPrefix(name);
      const snapshot = found.get(folder) ?? { catalog, takenAt, entries: [] };
      found.set(folder, snapshot);
      snapshot.entries.push(entry);
    }
  }
  return [...found.values()];
}
