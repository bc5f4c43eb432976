import type { OrphanClaim } from '../catalog/uploads.ts';
import { ProviderError } from '../objects/errors.ts';
import { isoTime } from '../objects/iso-time.ts';
import type { Key } from '../objects/key.ts';
import type { Checkpoint, OpenUpload } from '../providers/provider.ts';
import { asProviderError } from './copy-job.ts';
import type { Site } from './site.ts';
import type { Engine } from './worker.ts';

const minutes = 60_000;
const days = 24 * 60 * minutes;

/** How long a claim lasts, and how long after claiming anything may still be thrown away; in milliseconds. */
const leaseMs = 10 * minutes;
const freshFor = 5 * minutes;

/** At once. */
const together = 8;

/** After so many failures a target is left alone until the next round. */
const tolerated = 10;

/** An upload that got no further for so long is begun anew if it is still wanted: providers forget theirs as soon. */
const idleFor = 7 * days;

/** How long after it was intended an upload may have been begun: longer than all attempts at the request take. */
const begunWithin = 10 * minutes;

/** What is so old and in no catalog's name is a crash's. */
const strayAfter = 1 * days;

/**
 * One round over the uploads that nobody will go on with, at the targets that can be reached. Only what this catalog knows
 * or intended is thrown away, and old temporary files in Holdfast's own directory: an upload of another program never is.
 * @returns how many were thrown away.
 */
export async function abortOrphans(engine: Engine, sites: readonly Site[], signal: AbortSignal): Promise<number> {
  const round = new Round(engine, signal);
  await round.abortKnown(sites);
  for (const site of sites) if (site.available) await round.abortStrays(site);
  return round.aborted;
}

class Round {
  aborted = 0;
  readonly #engine: Engine;
  readonly #signal: AbortSignal;
  readonly #failures = new Map<string, number>();
  readonly #aborts = new Map<string, Promise<void>>();

  constructor(engine: Engine, signal: AbortSignal) {
    this.#engine = engine;
    this.#signal = signal;
  }

  async abortKnown(sites: readonly Site[]): Promise<void> {
    const { catalog, clock } = this.#engine;
    while (!this.#signal.aborted) {
      const able = sites.filter(({ name, available }) => available && (this.#failures.get(name) ?? 0) < tolerated);
      if (able.length === 0) return;
      const targets = able.map(({ name }) => name);
      const now = clock.now();
      const claims = await catalog.claimOrphans({ targets, limit: together, leaseMs, idleSince: now - idleFor });
      if (claims.length === 0) return;
      const ended = await Promise.all(claims.map(async (claim) => await this.#abortClaimed(able, claim, now)));
      await catalog.forgetUploads(claims.filter((_, index) => ended[index] === true));
    }
  }

  /** Files that no upload of ours names, left by a crash long ago. */
  async abortStrays(site: Site): Promise<void> {
    const { clock } = this.#engine;
    await this.#guarded(site, null, async () => {
      const found = (await this.#unknownAt(site, null)) ?? [];
      const before = clock.now() - strayAfter;
      for (const { checkpoint } of found.filter(({ startedAt }) => startedAt < before)) {
        await this.#abort(site, null, checkpoint);
      }
    });
  }

  /** @returns whether nothing is left of it. What is left is claimed again when the claim has run out. */
  async #abortClaimed(sites: readonly Site[], claim: OrphanClaim, claimedAt: number): Promise<boolean> {
    const site = sites.find(({ name }) => name === claim.target);
    if (site === undefined) return false;
    return await this.#guarded(site, claim.key, async () => {
      const checkpoints = claim.checkpoint === null ? await this.#begunFor(site, claim) : [claim.checkpoint];
      if (checkpoints === undefined) return false;
      for (const checkpoint of checkpoints) {
        if (this.#engine.clock.now() >= claimedAt + freshFor) return false;
        await this.#abort(site, claim.key, checkpoint);
      }
      return true;
    });
  }

  /**
   * Listed first, then looked up: what begins meanwhile is not among the first, and what had begun is known by then.
   * @returns undefined while one is just beginning there that nobody could tell from the rest.
   */
  async #unknownAt({ name, provider }: Site, key: Key | null): Promise<readonly OpenUpload[] | undefined> {
    const before = await provider.listUploads(key, [], this.#signal);
    if (before.length === 0) return [];
    const known = await this.#engine.catalog.checkpointsAt(name, key);
    if (known.includes(null)) return undefined;
    const named = known.filter((checkpoint) => checkpoint !== null);
    const unknown = await provider.listUploads(key, named, this.#signal);
    const left = new Set(unknown.map(({ checkpoint }) => checkpoint));
    return before.filter(({ checkpoint }) => left.has(checkpoint));
  }

  /** What a crash left between the request that began it and the note of its answer; undefined: not to be told now. */
  async #begunFor(site: Site, claim: OrphanClaim): Promise<Checkpoint[] | undefined> {
    const { target, key, startedAt, unanswered } = claim;
    try {
      const found = await this.#unknownAt(site, key);
      const fitting = found?.filter((upload) => isBegunFor(upload, startedAt)) ?? [];
      if (fitting.length <= unanswered) return found && fitting.map(({ checkpoint }) => checkpoint);
      this.#leave(claim, fitting);
      return [];
    } catch (error) {
      const refused = error instanceof ProviderError && (error.code === 'denied' || error.code === 'unsupported');
      if (!refused) throw error;
      const said = `${target} does not list unfinished uploads (${error.message}); a crash may have left one there`;
      this.#engine.log.warn({ target, key, code: error.code }, said);
      return [];
    }
  }

  /** They hold nothing, so that leaving them costs nothing; throwing away another program's would break its work. */
  #leave({ target, key, unanswered }: OrphanClaim, fitting: readonly OpenUpload[]): void {
    const begun = fitting.map(({ startedAt }) => isoTime(startedAt));
    const said =
      `a crash may have left an upload at ${target}, and ${fitting.length} look like it where ${unanswered} may have been ` +
      'begun here, so that all are left: another program may be at work. Abort there what nobody goes on with, or let a ' +
      'rule of the bucket abort old unfinished uploads';
    this.#engine.log.warn({ target, key, begun }, said);
  }

  /** Several claims may find the same one: it is thrown away once. */
  async #abort(site: Site, key: Key | null, checkpoint: Checkpoint): Promise<void> {
    const one = JSON.stringify([site.name, key, checkpoint]);
    const abort = this.#aborts.get(one) ?? this.#abortOne(site, key, checkpoint);
    this.#aborts.set(one, abort);
    await abort;
  }

  async #abortOne({ name, provider }: Site, key: Key | null, checkpoint: Checkpoint): Promise<void> {
    await provider.abortUpload(key, checkpoint, this.#signal);
    this.aborted += 1;
    this.#engine.metrics.uploadAborted(name);
    this.#engine.log.info({ target: name, key }, 'an upload that nobody goes on with was thrown away');
  }

  async #guarded(site: Site, key: Key | null, work: () => Promise<boolean | void>): Promise<boolean> {
    try {
      return (await work()) !== false;
    } catch (thrown) {
      const error = asProviderError(thrown, site.name, key ?? '');
      if (error.code === 'aborted') return false;
      this.#failures.set(site.name, (this.#failures.get(site.name) ?? 0) + 1);
      const said = `an upload that nobody goes on with was not thrown away: ${error.message}`;
      this.#engine.log.warn({ target: site.name, key, code: error.code }, said);
      return false;
    }
  }
}

/**
 * Of the one that is looked for nobody ever heard, so that nobody sent it a part: what holds any is another program's.
 * S3 tells whole seconds.
 */
function isBegunFor({ startedAt, fresh }: OpenUpload, intendedAt: number): boolean {
  if (fresh === false) return false;
  return startedAt >= Math.floor(intendedAt / 1_000) * 1_000 && startedAt <= intendedAt + begunWithin;
}
