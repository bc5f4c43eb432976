import PQueue from 'p-queue';
import type { Aged } from '../catalog/scrub.ts';
import { errorMessage, ProviderError } from '../objects/errors.ts';
import type { Provider } from '../providers/provider.ts';
import { auditable, auditCopy, findingOf, type Audit } from './audit-copy.ts';
import { availableTargets, type Policy, type ScrubSettings } from './policy.ts';
import { DailyBudget } from './scrub-budget.ts';
import { ScrubPace } from './scrub-pace.ts';
import { promiseOf, type ScrubPromise } from './scrub-promise.ts';
import { many, Unreadable } from './scrub-unreadable.ts';
import type { Site } from './site.ts';
import type { Engine } from './worker.ts';

/** Copies read at once: enough that the wait for a far provider does not keep small objects from their promise. */
const atOnce = 4;

/** The oldest copies of each target that are looked at together, besides those that are passed over. */
const batch = 64;

const minuteMs = 60_000;
/** While this process scrubs a policy no other one does. */
const turnMs = 6 * 60 * minuteMs;
/** How long a rest is at most, so that what changes meanwhile is seen. */
const restMs = 30 * minuteMs;
/** How often it is added up what there is to read. */
const loadEveryMs = 60 * minuteMs;
/**
 * How long a copy that could not be read is passed over, at most: a tenth of the time promised, so that it gets other
 * chances, and long enough that others get their turn where hundreds cannot be read.
 */
const retryAtMost = 24 * 60 * minuteMs;
/** How long a target is left alone of which many on end could not be read: a hundredth of the time at most. */
const unwellAtMost = 60 * minuteMs;

/**
 * The rolling audit of one policy: reads every verified copy again and again within `verify.scrub.every`, the one with
 * the oldest evidence first, spread over the time, within its budget. It keeps no place of its own: the age of the
 * evidence is the place, so that it goes on where it was after any restart.
 *
 * Nothing is leased: a copy that changes while it is read is another one, and what was found of it is dropped by the
 * catalog.
 */
export class Scrub {
  readonly #engine: Engine;
  readonly #policy: Policy;
  readonly #settings: ScrubSettings;
  readonly #pace: ScrubPace;
  readonly #budget: DailyBudget;
  readonly #throttled: ((provider: Provider) => Provider) | undefined;
  readonly #queue = new PQueue({ concurrency: atOnce });
  /** Copies that are being read. */
  readonly #reading = new Set<string>();
  readonly #unreadable = new Unreadable();
  /** Copies on end that could not be read, by target, and until when a target is left alone for it. */
  readonly #failures = new Map<string, number>();
  readonly #unwell = new Map<string, number>();
  #loadedAt = -Infinity;
  #turnUntil = -Infinity;
  #promise: ScrubPromise | undefined;
  #broken: { readonly error: unknown } | undefined;

  constructor(engine: Engine, policy: Policy, settings: ScrubSettings) {
    const { catalog, clock } = engine;
    this.#engine = engine;
    this.#policy = policy;
    this.#settings = settings;
    this.#pace = new ScrubPace(settings.every, clock.now());
    this.#budget = new DailyBudget(catalog, clock, policy.name, settings.perDay);
    this.#throttled = settings.bandwidth === undefined ? undefined : engine.throttle(settings.bandwidth);
  }

  /** Runs until the signal. @throws the catalog's error when evidence cannot be recorded any more. */
  async run(stop: AbortSignal): Promise<void> {
    try {
      while (!stop.aborted && this.#broken === undefined) {
        const wait = await this.#step(stop);
        if (wait > 0) await this.#rest(wait, stop);
      }
    } finally {
      await this.#queue.onIdle();
      await this.#engine.catalog.takeScrubTurn(this.#policy.name, this.#engine.owner, 0);
    }
    if (this.#broken !== undefined) throw this.#broken.error;
  }

  /** Begins to read one copy. @returns how long to rest before the next step, in milliseconds. */
  async #step(stop: AbortSignal): Promise<number> {
    await this.#queue.onSizeLessThan(1);
    if (!(await this.#takeTurn())) return restMs;
    await this.#refreshLoad();
    const next = await this.#oldest();
    if (next === undefined) return restMs;
    const { clock } = this.#engine;
    const wait = Math.max(this.#pace.waitFor(next.at, clock.now()), await this.#budget.waitFor(next.object.size));
    if (wait > 0) return wait;
    this.#pace.spend(next.object.size, clock.now());
    this.#begin(next, stop);
    return 0;
  }

  async #takeTurn(): Promise<boolean> {
    const { catalog, clock, owner } = this.#engine;
    const now = clock.now();
    if (now < this.#turnUntil - turnMs / 2 && now > this.#turnUntil - turnMs) return true;
    const mine = await catalog.takeScrubTurn(this.#policy.name, owner, turnMs);
    this.#turnUntil = mine ? now + turnMs : -Infinity;
    return mine;
  }

  async #refreshLoad(): Promise<void> {
    const { catalog, clock, log } = this.#engine;
    const now = clock.now();
    if (Math.abs(now - this.#loadedAt) < loadEveryMs) return;
    this.#loadedAt = now;
    const targets = this.#policy.targets.map(({ name }) => name);
    const load = await catalog.scrubLoad(this.#policy.name, targets);
    this.#pace.load = load;
    const promise = promiseOf(this.#settings, load.bytes);
    if (!promise.kept && this.#promise?.kept !== false)
      log.warn({ policy: this.#policy.name, ...promise }, 'the budget of verify.scrub does not allow what it promises');
    this.#promise = promise;
  }

  /** The copy that was read longest ago, of those that may be read now. */
  async #oldest(): Promise<Aged | undefined> {
    const now = this.#engine.clock.now();
    this.#unreadable.dropPast(now, this.#retryAfter);
    dropPast(this.#unwell, now, this.#unwellFor);
    const targets = availableTargets([this.#policy]).filter((target) => !this.#unwell.has(target));
    if (targets.length === 0) return undefined;
    for (const target of this.#unreadable.waiting(targets, now)) {
      const { at = now } = (await this.#oldestAt([target])) ?? {};
      this.#unreadable.endTurn(target, this.#pace.isOverdue(at, now) ? at : undefined);
    }
    return await this.#oldestAt(targets);
  }

  async #oldestAt(targets: readonly string[]): Promise<Aged | undefined> {
    const limit = batch + this.#reading.size + this.#unreadable.most;
    const passesOver = (objectId: number, target: string): boolean =>
      this.#reading.has(idOf(objectId, target)) || this.#unreadable.passesOver(objectId, target);
    const request = { targets, limit, passesOver, most: 1, after: this.#unreadable.after };
    const [oldest] = await this.#engine.catalog.oldestEvidence(this.#policy.name, request);
    return oldest;
  }

  #begin(aged: Aged, stop: AbortSignal): void {
    const id = idOf(aged.object.id, aged.target);
    this.#reading.add(id);
    this.#queue
      .add(async () => await this.#audit(aged, stop))
      .catch((thrown: unknown) => {
        const error = firstOf(thrown);
        if (stop.aborted && error instanceof ProviderError) return;
        this.#broken ??= { error: error instanceof Error ? error : new Error(errorMessage(error)) };
      })
      .finally(() => this.#reading.delete(id));
  }

  async #audit(aged: Aged, stop: AbortSignal): Promise<void> {
    const { object, target } = aged;
    const copy = object.copies.find((candidate) => candidate.target === target);
    const audited = copy === undefined ? undefined : auditable(object, copy);
    if (audited === undefined) throw new Error(`a verified copy of ${object.key} at ${target} has no digest`);
    await using reservation = this.#budget.reserve(object.size);
    const onBytes = (bytes: number): void => reservation.read(bytes);
    const options = { method: 'read', now: () => this.#engine.clock.now(), onBytes } as const;
    const audit = await auditCopy(this.#providerFor(aged), audited, options, stop);
    this.#note(aged, audit);
    const finding = findingOf(audited, audit);
    if (finding !== undefined) await this.#engine.catalog.record(this.#policy.name, [finding]);
  }

  #providerFor({ target, object }: Aged): Provider {
    const { provider } = siteOf(this.#policy, target);
    const slow = this.#budget.slowed(object.size);
    const throttled = slow === undefined ? this.#throttled : this.#engine.throttle(slow);
    return throttled === undefined ? provider : throttled(provider);
  }

  #note(aged: Aged, audit: Audit): void {
    const { clock, log, metrics } = this.#engine;
    const { object, target } = aged;
    const fields = { policy: this.#policy.name, target, key: object.key };
    metrics.scrubbed(this.#policy.name, target, object.size, audit.state);
    if (audit.state !== 'unreadable') this.#failures.delete(target);
    if (audit.state === 'right') return;
    if (audit.state !== 'unreadable') {
      const why = audit.state === 'missing' ? 'it is missing' : audit.why;
      return log.warn({ ...fields, why }, 'the scrub found a copy that is not what it must be; it is repaired');
    }
    this.#postpone(aged, clock.now());
    log.info({ ...fields, code: audit.error.code }, `the scrub could not read a copy: ${audit.error.message}`);
  }

  get #retryAfter(): number {
    return Math.min(retryAtMost, this.#settings.every / 10);
  }

  get #unwellFor(): number {
    return Math.min(unwellAtMost, this.#settings.every / 100);
  }

  #postpone(aged: Aged, now: number): void {
    const failures = (this.#failures.get(aged.target) ?? 0) + 1;
    if (this.#unreadable.add(aged, now, this.#retryAfter)) this.#sayMany(aged.target);
    this.#failures.set(aged.target, failures % many);
    if (failures === many) this.#unwell.set(aged.target, now + this.#unwellFor);
  }

  #sayMany(target: string): void {
    const said = 'very many copies could not be read: they are tried again once all others had their turn';
    this.#engine.log.warn({ policy: this.#policy.name, target }, said);
  }

  async #rest(ms: number, stop: AbortSignal): Promise<void> {
    try {
      await this.#engine.clock.sleep(Math.min(ms, restMs), stop);
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  }
}

/** What was thrown first: a catalog that fails does so once more when what was read is to be noted. */
function firstOf(error: unknown): unknown {
  return error instanceof SuppressedError ? firstOf(error.suppressed) : error;
}

function idOf(objectId: number, target: string): string {
  return `${objectId} ${target}`;
}

/** Also what a clock that was ahead has put further off than it can be. */
function dropPast(times: Map<string, number>, now: number, atMost: number): void {
  for (const [id, until] of times) if (until <= now || until > now + atMost) times.delete(id);
}

function siteOf({ name, targets }: Policy, target: string): Site {
  const site = targets.find((candidate) => candidate.name === target);
  if (site === undefined) throw new Error(`policy ${name} has no target ${target}`);
  return site;
}
