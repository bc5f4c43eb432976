import type { DrillFailure, DrillResult } from '../catalog/drills.ts';
import type { ObjectRow } from '../catalog/rows.ts';
import { errorMessage, ProviderError } from '../objects/errors.ts';
import { auditable, auditCopy, findingOf } from './audit-copy.ts';
import { drawn } from './drill-sample.ts';
import type { DrillSettings, Policy } from './policy.ts';
import { judged, rehearse, type Pace, type Rehearsal } from './rehearse.ts';
import { secondsFor } from './restore-estimate.ts';
import type { Site } from './site.ts';
import type { Engine } from './worker.ts';

/** So many objects on end that cannot be asked for: the place does not answer, and it is no drill. */
const unansweredAtMost = 3;

/** What came of a drill, or why there could be none. `nothing`: no copy is verified there. */
export type DrillEnd = { readonly result: DrillResult } | { readonly obstacle: string } | { readonly nothing: true };

/** Restores objects drawn by chance from one target alone, as if all else were gone, and throws the bytes away. */
export class Drill {
  readonly #engine: Engine;
  readonly #policy: Policy;
  readonly #site: Site;
  readonly #settings: Omit<DrillSettings, 'every'>;
  readonly #onFailure: (failure: DrillFailure) => void;
  #objects = 0;
  #failed = 0;
  #failure: DrillFailure | null = null;
  /** Bytes read; and of what was restored. */
  #spent = 0;
  #bytes = 0;
  #restored = 0;
  #firstByteMs = 0;
  #totalMs = 0;
  #tooLarge = 0;
  /** Objects that could not be asked for: all, and on end. */
  readonly #unanswered: DrillFailure[] = [];
  #onEnd = 0;

  constructor(
    engine: Engine,
    policy: Policy,
    site: Site,
    settings: Omit<DrillSettings, 'every'>,
    onFailure: (failure: DrillFailure) => void = () => undefined,
  ) {
    this.#engine = engine;
    this.#policy = policy;
    this.#site = site;
    this.#settings = settings;
    this.#onFailure = onFailure;
  }

  /** @throws the catalog's error; ProviderError `aborted` when the signal ended it. */
  async run(signal: AbortSignal): Promise<DrillEnd> {
    try {
      // As sources are met, where it was not met yet: a restore writes nothing where data are rescued from.
      if (this.#site.capabilities === undefined) await this.#site.connect('source', signal);
      await this.#rehearseAll(signal);
    } catch (error) {
      if (!(error instanceof ProviderError) || signal.aborted) throw error;
      return { obstacle: errorMessage(error) };
    }
    return await this.#end();
  }

  async #rehearseAll(signal: AbortSignal): Promise<void> {
    const { sample, bytes } = this.#settings;
    for await (const row of drawn(this.#engine, this.#policy.name, this.#site.name, this.#settings)) {
      if (row.size > bytes) this.#tooLarge += 1;
      else if (this.#spent + row.size <= bytes) await this.#rehearse(row, signal);
      if (this.#objects >= sample || this.#isAway) return;
    }
  }

  async #rehearse(row: ObjectRow, signal: AbortSignal): Promise<void> {
    const rehearsal = await this.#judge(row, signal);
    if (rehearsal === 'moved') return;
    if (rehearsal.state === 'unanswered') {
      this.#onEnd += 1;
      this.#unanswered.push({ key: row.key, ...rehearsal.failure });
      return;
    }
    this.#onEnd = 0;
    if (rehearsal.state === 'restored') this.#restoredOne(row, rehearsal.pace);
    else this.#failedOne({ key: row.key, ...rehearsal.failure });
  }

  get #isAway(): boolean {
    return this.#onEnd >= unansweredAtMost || this.#site.health().state === 'down';
  }

  /** What looks like a failure is looked at once more: damage is told to the catalog, and repaired like all damage. */
  async #judge(row: ObjectRow, signal: AbortSignal): Promise<Rehearsal | 'moved'> {
    const first = await this.#try(row, signal);
    if (first.state !== 'failed') return first;
    const copy = row.copies.find(({ target }) => target === this.#site.name);
    const audited = copy === undefined ? undefined : auditable(row, copy);
    if (audited === undefined) throw new Error(`a verified copy of ${row.key} at ${this.#site.name} has no digest`);
    const { catalog, clock } = this.#engine;
    const options = { method: 'read', now: () => clock.now(), onBytes: this.#spend } as const;
    const audit = await auditCopy(this.#site.provider, audited, options, signal);
    if (audit.state === 'unreadable') return judged(audit.error);
    if (audit.state === 'right') return await this.#onceMore(row, signal);
    const finding = findingOf(audited, audit);
    const { applied } = await catalog.record(this.#policy.name, finding === undefined ? [] : [finding]);
    return applied === 0 ? 'moved' : first;
  }

  /** The copy is right and was not restored: it was replaced meanwhile, or a restore would not find it. */
  async #onceMore(row: ObjectRow, signal: AbortSignal): Promise<Rehearsal | 'moved'> {
    const second = await this.#try(row, signal);
    if (second.state !== 'failed') return second;
    const now = await this.#engine.catalog.inspect(this.#policy.name, row.key);
    return now?.object.id === row.id && isSame(row, now.object, this.#site.name) ? second : 'moved';
  }

  async #try(row: ObjectRow, signal: AbortSignal): Promise<Rehearsal> {
    return await rehearse(this.#engine, this.#site, row, this.#spend, signal);
  }

  readonly #spend = (bytes: number): void => {
    this.#spent += bytes;
  };

  #restoredOne({ size }: ObjectRow, { firstByteMs, totalMs }: Pace): void {
    this.#objects += 1;
    this.#restored += 1;
    this.#bytes += size;
    this.#firstByteMs += firstByteMs;
    this.#totalMs += totalMs;
  }

  #failedOne(failure: DrillFailure): void {
    this.#objects += 1;
    this.#failed += 1;
    this.#failure ??= failure;
    this.#onFailure(failure);
  }

  async #end(): Promise<DrillEnd> {
    const [unanswered] = this.#unanswered;
    if (unanswered !== undefined && this.#failed === 0) {
      const away = this.#isAway || this.#restored === 0;
      if (away) return { obstacle: `${this.#site.name} does not answer: ${unanswered.message}` };
    }
    // It answers for others and, though asked again and again, not for these.
    if (!this.#isAway) for (const failure of this.#unanswered) this.#failedOne(failure);
    if (this.#objects > 0) return { result: await this.#result() };
    if (this.#tooLarge === 0) return { nothing: true };
    return { obstacle: `each of the ${this.#tooLarge} objects drawn is larger than drill.bytes` };
  }

  async #result(): Promise<DrillResult> {
    const { catalog, clock, concurrency } = this.#engine;
    const { objects, bytes } = await catalog.counts(this.#policy.name);
    const seconds = this.#totalMs / 1000;
    // A clock that ticks in milliseconds.
    const reading = Math.max(1, this.#totalMs - this.#firstByteMs) / 1000;
    const some = this.#restored > 0;
    const bytesPerSecond = some ? Math.max(1, this.#bytes) / reading : null;
    const firstByteSeconds = some ? this.#firstByteMs / this.#restored / 1000 : null;
    const whole = { objects, bytes, bytesPerSecond, firstByteSeconds };
    return {
      ...{ at: clock.now(), objects: this.#objects, failed: this.#failed, failure: this.#failure },
      ...{ bytes: this.#bytes, seconds, bytesPerSecond, firstByteSeconds, tooLarge: this.#tooLarge },
      recoverySeconds: secondsFor(whole, { concurrency: concurrency.value }),
    };
  }
}

function isSame(row: ObjectRow, now: ObjectRow, target: string): boolean {
  const changedAt = ({ copies }: ObjectRow): number | undefined =>
    copies.find((copy) => copy.target === target)?.updatedAt;
  return row.updatedAt === now.updatedAt && changedAt(row) === changedAt(now);
}
