import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { catalogFileState } from './catalog/sqlite/file-state.ts';
import { openSqliteCatalog } from './catalog/sqlite/open.ts';
import { removeCatalogFile } from './catalog/sqlite/replace-file.ts';
import type { Clock } from './objects/clock.ts';
import { errorMessage, UsageError } from './objects/errors.ts';
import type { Policy } from './replication/policy.ts';
import { findSnapshots, readSnapshot, type PlacedSnapshot } from './replication/snapshot-find.ts';
import { snapshotPrefix } from './replication/snapshot-name.ts';
import type { Places } from './replicator.ts';
import type { Log } from './telemetry/log.ts';

/** The snapshot that was used. */
export interface UsedSnapshot {
  readonly provider: string;
  /** The targets that hold the very same one, `provider` among them. */
  readonly heldBy: readonly string[];
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly takenAt: number;
}

/**
 * Writes the newest good snapshot of a catalog of these policies to `path`, of those that two targets hold alike before the
 * others. Those that are damaged, of a newer program, or
 * of another installation that shares a target are passed over, and the log says so.
 * @returns undefined when there is none; then nothing stands at `path`.
 */
export async function restoreSnapshot(
  { policies, sites }: Pick<Places, 'policies' | 'sites'>,
  path: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<UsedSnapshot | undefined> {
  const targets = sites.filter((site) => policies.some((policy) => policy.targets.includes(site)));
  const found = await findSnapshots(targets, signal);
  const isOnly = new Set(found.map(({ catalog }) => catalog)).size === 1;
  for (const snapshot of found) {
    const { site, takenAt, heldBy } = snapshot;
    const used = { heldBy, provider: site.name, key: snapshotPrefix(snapshot), takenAt };
    try {
      await unpack(snapshot, path, signal);
      const strange = await whyStrange(path, policies, isOnly, clock);
      if (strange === undefined) return used;
      log.warn({ provider: used.provider, key: used.key }, `the snapshot is passed over: ${strange}`);
    } catch (error) {
      if (signal.aborted) throw error;
      const message = `the snapshot is passed over: ${errorMessage(error)}`;
      log.warn({ provider: used.provider, key: used.key }, message);
    }
    await removeCatalogFile(path);
  }
  return undefined;
}

async function unpack(snapshot: PlacedSnapshot, path: string, signal: AbortSignal): Promise<void> {
  const to = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  await pipeline(Readable.from(readSnapshot(snapshot, signal)), createGunzip(), to, { signal });
}

/** @returns why it is no catalog to go by; undefined when it is. @throws CatalogError for one of a newer program. */
async function whyStrange(
  path: string,
  policies: readonly Policy[],
  isOnly: boolean,
  clock: Clock,
): Promise<string | undefined> {
  const state = await catalogFileState(path);
  if (state !== 'sound') return state === 'empty' ? 'it knows no object' : 'it is no sound catalog';
  await using catalog = await openSqliteCatalog({ path, clock });
  for (const { name, sourceIdentity } of policies) {
    const known = await catalog.readPolicy(name).catch(unlessUnknown);
    if (known === undefined) continue;
    // Where there is only one, a source that was moved meanwhile is no reason to do without it.
    if (isOnly || known.sourceIdentity?.startsWith(sourceIdentity) === true) return undefined;
  }
  return 'it is of an installation with other policies or sources';
}

function unlessUnknown(error: unknown): undefined {
  if (!(error instanceof UsageError)) throw error;
}
