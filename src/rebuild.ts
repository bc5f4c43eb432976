import { resolve } from 'node:path';
import { catalogFileState, type FileState } from './catalog/sqlite/file-state.ts';
import { removeCatalogFile, replaceCatalogFile } from './catalog/sqlite/replace-file.ts';
import { requireSoleUse } from './catalog/sqlite/sole-use.ts';
import { CatalogError } from './catalog/errors.ts';
import type { Config } from './config/schema.ts';
import { systemClock } from './objects/clock.ts';
import { UsageError } from './objects/errors.ts';
import { rebuild, type RebuildOptions } from './replication/rebuild.ts';
import type { RebuildReport } from './replication/rebuild-report.ts';
import { openPlaces, Replicator, type Surroundings } from './replicator.ts';
import { restoreSnapshot, type UsedSnapshot } from './restore-snapshot.ts';

export interface CatalogRebuildOptions extends RebuildOptions {
  /** Also where a sound catalog stands. */
  readonly replace: boolean;
  /** From the newest good snapshot at the targets, where there is one. */
  readonly snapshot: boolean;
}

export interface CatalogRebuild {
  /** What was taken for a beginning; null when the copies alone were. */
  readonly snapshot: UsedSnapshot | null;
  readonly policies: readonly RebuildReport[];
  /** Where the catalog that stood there is kept; null when none did. */
  readonly aside: string | null;
}

/**
 * Makes the catalog anew in a file beside its place, and puts it there once it is whole: whenever this ends, by whatever,
 * what stood there stands there, or the new one does.
 * @throws UsageError where a sound catalog stands that is not to be replaced, or that somebody works with.
 */
export async function rebuildCatalog(
  config: Config,
  surroundings: Surroundings,
  options: CatalogRebuildOptions,
  signal: AbortSignal,
): Promise<CatalogRebuild> {
  const file = resolve(config.catalog.file);
  const state = await catalogFileState(file);
  if (state === 'sound' && !options.replace) throw isSound(file);
  requireNobodyAt(file, state);
  const building = `${file}.rebuilding`;
  await clear(building);
  try {
    const within = { ...config, catalog: { ...config.catalog, file: building } };
    const snapshot = options.snapshot ? await begin(within, surroundings, signal) : null;
    const policies = await fill(within, surroundings, options, signal);
    if (state === 'sound' && policies.every(({ objects }) => objects === 0)) throw foundNothing(file, policies);
    // It may have taken hours, in which a daemon may have been started.
    if ((await catalogFileState(file)) !== state) throw putThereMeanwhile(file);
    requireNobodyAt(file, state);
    const aside = asideOf(file, state, surroundings);
    const replaced = await replaceCatalogFile(building, file, { aside, expected: state !== 'absent' });
    if (!replaced) throw putThereMeanwhile(file);
    return { snapshot, policies, aside: state === 'absent' ? null : aside };
  } finally {
    await removeCatalogFile(building);
  }
}

function isSound(file: string): UsageError {
  return new UsageError(
    `Catalog ${file} is sound and knows objects; nothing was changed. "holdfast reconcile" compares it with what the providers ` +
      'hold. To make it anew all the same: --replace, which keeps the old one beside it.',
  );
}

function foundNothing(file: string, policies: readonly RebuildReport[]): UsageError {
  const unreached = [...new Set(policies.flatMap((report) => report.unreached))];
  const why = unreached.length === 0 ? '' : ` (${unreached.join(', ')} could not be listed)`;
  return new UsageError(
    `Nothing was found at the targets${why}, and catalog ${file} knows objects; it was left as it is. Look at the targets and ` +
      'their settings; to begin with an empty catalog, move that one away.',
  );
}

/** @throws UsageError where somebody works with what stands there, sound or not. */
function requireNobodyAt(file: string, state: FileState): void {
  if (state === 'absent') return;
  try {
    requireSoleUse(file);
  } catch (error) {
    if (!(error instanceof CatalogError) || state !== 'corrupt') throw error;
  }
}

function putThereMeanwhile(file: string): UsageError {
  return new UsageError(
    `Catalog ${file} is another one than when the rebuild began: somebody (a daemon?) put it there meanwhile. It was left as ` +
      'it is. Stop what made it, and run this again (with --replace, where it knows objects).',
  );
}

/** What a rebuild that was killed left; one that still works is not disturbed. */
async function clear(building: string): Promise<void> {
  try {
    if ((await catalogFileState(building)) !== 'absent') requireSoleUse(building);
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
  }
  await removeCatalogFile(building);
}

function asideOf(file: string, state: FileState, { clock }: Surroundings): string {
  const now = new Date(clock?.now() ?? Date.now()).toISOString().replaceAll(/[-:.]/g, '');
  return `${file}.${state === 'corrupt' ? 'corrupt' : 'replaced'}-${now}`;
}

/** Puts the newest good snapshot where the catalog is to be built. */
async function begin(config: Config, surroundings: Surroundings, signal: AbortSignal): Promise<UsedSnapshot | null> {
  await using places = await openPlaces(config, surroundings);
  const { clock = systemClock, log } = surroundings;
  return (await restoreSnapshot(places, config.catalog.file, { clock, log }, signal)) ?? null;
}

async function fill(
  config: Config,
  surroundings: Surroundings,
  options: RebuildOptions,
  signal: AbortSignal,
): Promise<RebuildReport[]> {
  await using replicator = await Replicator.open(config, surroundings, { forget: false });
  const reports: RebuildReport[] = [];
  for (const policy of replicator.policies) reports.push(await rebuild(replicator.engine, policy, options, signal));
  return reports;
}
