import type { Catalog } from '../catalog/catalog.ts';
import { errorMessage } from '../objects/errors.ts';
import type { Provider } from '../providers/provider.ts';
import type { CopyOptions } from './copy-job.ts';
import { Manifest, type ManifestTotals } from './manifest.ts';
import type { Policy } from './policy.ts';
import type { Site } from './site.ts';
import { catalogFile, snapshotPrefix, sumsFile, type SnapshotName } from './snapshot-name.ts';
import { pruneSnapshots, storeSnapshot, type SnapshotFile } from './snapshot-store.ts';
import type { Engine } from './worker.ts';

export interface SnapshotSettings {
  /** Milliseconds between snapshots. */
  readonly every: number;
  /** So many things recorded make one due before that. */
  readonly changes: number;
  /** How many stay at each target; 0: none is taken. */
  readonly keep: number;
}

/** A directory of this machine, in which a snapshot is made ready. Gone with what is in it once disposed. */
export interface Staging extends AsyncDisposable {
  /** Reads what was written, by its name as the key. */
  readonly provider: Provider;
  /** Where a file of this name is, or will be. */
  path(name: string): string;
  write(name: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StagedFile>;
  /** What stands under the name `from`, compressed by gzip. */
  compress(from: string, name: string): Promise<StagedFile>;
  /** Opens what `SnapshotLedger.copyTo` wrote. */
  open(name: string): Promise<Catalog>;
  remove(name: string): Promise<void>;
}

export type Stage = (signal: AbortSignal) => Promise<Staging>;

export interface StagedFile {
  readonly size: number;
  readonly sha256: string;
  readonly version: string;
}

/** How often it is looked whether one is due, in milliseconds. */
const lookEvery = 5_000;

/** How long at least until a target that could not be reached gets one of its own, in milliseconds. */
const makeUpAfter = 5 * 60_000;

const copyName = 'catalog.db';

/** Keeps snapshots of the catalog, with the manifests of all policies, at every target. */
export class Snapshots {
  readonly #engine: Engine;
  readonly #policies: readonly Policy[];
  readonly settings: SnapshotSettings;
  readonly #stage: Stage;
  readonly #sites: readonly Site[];
  /** What was recorded when this process last took one. */
  #recorded = 0;
  /** When this process last tried, at all targets. */
  #triedAt: number | undefined;
  /** Targets that were not reached then. */
  readonly #missed = new Set<Site>();
  /** When one was last taken for these alone; it is not counted as one for all. */
  #madeUpAt: number | undefined;

  constructor(engine: Engine, policies: readonly Policy[], settings: SnapshotSettings, stage: Stage) {
    this.#engine = engine;
    this.#policies = policies;
    this.settings = settings;
    this.#stage = stage;
    this.#sites = [...new Set(policies.flatMap(({ targets }) => targets))];
  }

  /** Takes one whenever it is due, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.takeIfDue(signal);
      try {
        await this.#engine.clock.sleep(Math.min(lookEvery, this.settings.every), signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /** A failure is noted for the status and logged; the work on the copies goes on. */
  async takeIfDue(signal: AbortSignal): Promise<void> {
    if (this.settings.keep === 0) return;
    const isDue = await this.#isDue();
    const sites = isDue ? this.#sites : this.#returned();
    if (sites.length === 0) return;
    const takenAt = this.#engine.clock.now();
    if (isDue) [this.#triedAt, this.#recorded] = [takenAt, this.#engine.catalog.recorded];
    else this.#madeUpAt = takenAt;
    try {
      await this.#take(sites, takenAt, signal);
    } catch (error) {
      if (signal.aborted) return;
      const message = errorMessage(error);
      this.#engine.log.warn({ error: message }, 'the snapshot of the catalog failed; it is tried again');
      for (const { name } of sites) await this.#engine.catalog.noteSnapshot(name, { error: message });
    }
  }

  async #isDue(): Promise<boolean> {
    const { catalog, clock } = this.#engine;
    const { every, changes } = this.settings;
    const states = await catalog.readSnapshots();
    const taken = states.map(({ stored }) => stored?.takenAt ?? 0).filter((at) => at !== this.#madeUpAt);
    const age = clock.now() - Math.max(this.#triedAt ?? 0, ...taken);
    const many = catalog.recorded - this.#recorded >= changes;
    // A clock that was ahead does not put it off.
    if (age < 0 || age >= every || many) return await this.#knowsSomething();
    return false;
  }

  /** Those that were not reached when the last one was taken, and answer again. */
  #returned(): readonly Site[] {
    const now = this.#engine.clock.now();
    if (now - (this.#madeUpAt ?? this.#triedAt ?? now) < makeUpAfter) return [];
    return [...this.#missed].filter((site) => site.available);
  }

  /** A catalog that knows nothing is not worth remembering, and must not look like the newest. */
  async #knowsSomething(): Promise<boolean> {
    for (const { name } of this.#policies) {
      const { objects, gone } = await this.#engine.catalog.counts(name);
      if (objects + gone > 0) return true;
    }
    return false;
  }

  async #take(sites: readonly Site[], takenAt: number, signal: AbortSignal): Promise<void> {
    const { catalog, log } = this.#engine;
    const name: SnapshotName = { catalog: await catalog.identity(), takenAt };
    await using staging = await this.#stage(signal);
    const files = await this.#makeReady(staging, name);
    const reaching = sites.map(async (site) => await site.connect('target', signal));
    await Promise.allSettled(reaching);
    const available = sites.filter((site) => site.available);
    const failures = await storeSnapshot(available, name, files, this.#copyOptions(), signal);
    for (const site of sites) {
      const error = failures.get(site.name);
      const failure = available.includes(site) ? error?.message : `${site.name} is not reachable`;
      if (available.includes(site) && error?.retryable !== true) this.#missed.delete(site);
      else this.#missed.add(site);
      if (failure === undefined) await this.#settleAt(site, name, files, signal);
      else {
        await catalog.noteSnapshot(site.name, { error: failure });
        log.warn({ target: site.name, error: failure }, 'the snapshot of the catalog could not be stored');
      }
    }
  }

  /** It is verified there: the oldest may go. */
  async #settleAt(site: Site, name: SnapshotName, files: readonly SnapshotFile[], signal: AbortSignal): Promise<void> {
    const { catalog, log } = this.#engine;
    const size = files.reduce((sum, { from }) => sum + from.size, 0);
    const stored = { takenAt: name.takenAt, key: snapshotPrefix(name), size };
    await catalog.noteSnapshot(site.name, { stored });
    log.debug({ target: site.name, ...stored }, 'a snapshot of the catalog is stored');
    try {
      await pruneSnapshots(site, name, this.settings.keep, signal);
    } catch (error) {
      if (signal.aborted) return;
      const message = `it is stored, but older ones could not be deleted and pile up: ${errorMessage(error)}`;
      await catalog.noteSnapshot(site.name, { error: message });
      log.warn({ target: site.name, error: message }, 'old snapshots of the catalog could not be deleted');
    }
  }

  /** All of one moment: the manifests are made from the copy. */
  async #makeReady(staging: Staging, name: SnapshotName): Promise<readonly SnapshotFile[]> {
    await this.#engine.catalog.copyTo(staging.path(copyName));
    const file = (called: string, contentType: string, staged: StagedFile): SnapshotFile => {
      const { size, version, sha256 } = staged;
      return { name: called, contentType, sha256, from: { provider: staging.provider, key: called, size, version } };
    };
    const compressed = file(catalogFile, 'application/gzip', await staging.compress(copyName, catalogFile));
    const files: SnapshotFile[] = [];
    const totals = new Map<string, ManifestTotals>();
    {
      await using copy = await staging.open(copyName);
      for (const { name: policy } of this.#policies) {
        const manifest = new Manifest(copy, policy);
        for (const format of ['tsv', 'sha256'] as const) {
          const called = `${policy}.${format}`;
          files.push(file(called, 'text/plain', await staging.write(called, manifest.write(format))));
        }
        totals.set(policy, manifest.totals);
      }
    }
    await staging.remove(copyName);
    files.push(compressed);
    const sums = [Buffer.from(sumsText(name, files, totals))];
    return [...files, file(sumsFile, 'text/plain', await staging.write(sumsFile, sums))];
  }

  #copyOptions(): CopyOptions {
    const { budget, clock, log } = this.#engine;
    const ignore = (): undefined => undefined;
    return {
      method: 'attested',
      now: () => clock.now(),
      onBytes: ignore,
      onSourceBytes: ignore,
      ...{ budget, clock, log },
    };
  }
}

/** `sha256sum --check` takes lines with a `#` for comments. */
function sumsText(
  { catalog, takenAt }: SnapshotName,
  files: readonly SnapshotFile[],
  totals: ReadonlyMap<string, ManifestTotals>,
): string {
  const lines = [`# Holdfast snapshot, format 1, of catalog ${catalog}, taken ${new Date(takenAt).toISOString()}`];
  for (const [policy, { objects, bytes, unknown, merkleRoot }] of totals) {
    lines.push(`# ${policy}: ${objects} objects, ${bytes} bytes, ${unknown} not read yet, Merkle root ${merkleRoot}`);
  }
  for (const { name, sha256 } of files) lines.push(`${sha256}  ${name}`);
  return `${lines.join('\n')}\n`;
}
