import type { DrillResult, DrillState } from '../catalog/drills.ts';
import { isOver } from '../objects/set-back.ts';
import { Drill, type DrillEnd } from './drill.ts';
import type { DrillSettings, Policy } from './policy.ts';
import type { Site } from './site.ts';
import type { Engine } from './worker.ts';

const minuteMs = 60_000;
/** How long after a drill that failed or could not be made the next one begins, at most; else a tenth of the time. */
const failedAgainMs = 24 * 60 * minuteMs;
/** The same, once the copy that failed it was made anew. */
const mendedAgainMs = 10 * minuteMs;
const obstacleAgainMs = 60 * minuteMs;

/** How long the first one waits for copies that are still to be made, so that there is something to draw from. */
const settlingMs = 60 * minuteMs;

/** The drills of one policy: of each target by itself, so that none waits for another. */
export class Drills {
  readonly #engine: Engine;
  readonly #policy: Policy;
  readonly #settings: DrillSettings;
  readonly #startedAt: number;

  constructor(engine: Engine, policy: Policy, settings: DrillSettings) {
    this.#engine = engine;
    this.#policy = policy;
    this.#settings = settings;
    this.#startedAt = engine.clock.now();
  }

  /** Runs until the signal. @throws the catalog's error when nothing can be recorded any more. */
  async run(stop: AbortSignal): Promise<void> {
    await Promise.all(this.#policy.targets.map(async (site) => await this.#keepDrilling(site, stop)));
  }

  async #keepDrilling(site: Site, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        await this.drillIfDue(site, stop);
        await this.#engine.clock.sleep(Math.min(minuteMs, this.#settings.every / 10), stop);
      } catch (error) {
        if (!stop.aborted) throw error;
      }
    }
  }

  async drillIfDue(site: Site, signal: AbortSignal): Promise<void> {
    if (!(await this.#isDue(site))) return;
    const rest = Math.min(obstacleAgainMs, this.#settings.every / 10);
    if (await this.#engine.catalog.drills.begin(this.#policy.name, site.name, rest))
      await drillNow(this.#engine, this.#policy, site, this.#settings, signal);
  }

  async #isDue({ name }: Site): Promise<boolean> {
    const { catalog, clock } = this.#engine;
    const { every } = this.#settings;
    const now = clock.now();
    const state = (await catalog.drills.read(this.#policy.name)).find(({ target }) => target === name);
    if (state?.last === undefined || state.last === null) return await this.#isReady(name, state);
    const after = Math.min(every, state.last.failed === 0 ? every : await this.#restAfter(name, state.last));
    return isOver(state.last.at + after, now, after);
  }

  async #restAfter(target: string, { at, failure }: DrillResult): Promise<number> {
    const known = failure === null ? undefined : await this.#engine.catalog.inspect(this.#policy.name, failure.key);
    const copy = known?.object.copies.find((candidate) => candidate.target === target);
    const isMended = copy?.state === 'verified' && copy.updatedAt >= at;
    return Math.min(isMended ? mendedAgainMs : failedAgainMs, this.#settings.every / 10);
  }

  async #isReady(target: string, state: DrillState | undefined): Promise<boolean> {
    const { catalog, clock } = this.#engine;
    const copies = (await catalog.counts(this.#policy.name)).byTarget[target];
    if (copies === undefined || copies.verified === 0) return false;
    const settled = copies.pending + copies.unproven === 0;
    return settled || state !== undefined || clock.now() - this.#startedAt >= settlingMs;
  }
}

/** One drill, recorded and told of. The caller has its turn (`DrillLedger.begin`). */
export async function drillNow(
  engine: Engine,
  policy: Policy,
  site: Site,
  settings: Omit<DrillSettings, 'every'>,
  signal: AbortSignal,
  onFailure?: ConstructorParameters<typeof Drill>[4],
): Promise<DrillEnd> {
  const { catalog, log, metrics } = engine;
  const end = await new Drill(engine, policy, site, settings, onFailure).run(signal);
  if ('nothing' in end) return end;
  await catalog.drills.note(policy.name, site.name, end);
  const fields = { policy: policy.name, target: site.name };
  if ('obstacle' in end) {
    metrics.drilled(policy.name, site.name, 'impossible');
    log.warn({ ...fields, error: end.obstacle }, 'the drill was not possible; it is tried again');
    return end;
  }
  const { failure, ...result } = end.result;
  metrics.drilled(policy.name, site.name, failure === null ? 'ok' : 'failed');
  if (failure === null) log.info({ ...fields, ...result }, 'the drill succeeded');
  else {
    const { key, code } = failure;
    log.error({ ...fields, ...result, key, code }, `the drill failed: ${failure.message}`);
  }
  return end;
}
