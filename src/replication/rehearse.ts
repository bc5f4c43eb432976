import type { ObjectRow } from '../catalog/rows.ts';
import type { Capabilities } from '../providers/provider.ts';
import { isRetryable, ProviderError, type ErrorCode } from '../objects/errors.ts';
import { differingAttribute } from '../objects/object.ts';
import { listedAt } from './audit-copy.ts';
import { Discard } from './discard.ts';
import type { Choice } from './restore-choices.ts';
import { ObjectRestore, type ObjectOptions } from './restore-object.ts';
import { Site } from './site.ts';
import type { Engine } from './worker.ts';

/** What came of the rehearsal of one object. A place that does not answer now proves nothing. */
export type Rehearsal =
  | { readonly state: 'restored'; readonly pace: Pace }
  | { readonly state: 'failed'; readonly failure: Failure }
  | { readonly state: 'unanswered'; readonly failure: Failure };

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** How long it took, in milliseconds: to the first bytes, and with all of them. */
export interface Pace {
  readonly firstByteMs: number;
  readonly totalMs: number;
}

/**
 * Restores one object from one place to nowhere, by the code that restores: found by the place's listing, being what its
 * own record says; only where it is known to carry none, what the catalog says. What came must be what the catalog knows.
 * @throws ProviderError `aborted`.
 */
export async function rehearse(
  engine: Engine,
  site: Site,
  row: ObjectRow,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Rehearsal> {
  const { clock } = engine;
  const startedAt = clock.now();
  let firstAt: number | undefined;
  const restoring = new Rehearsing(engine, site, row, signal, (bytes) => {
    firstAt ??= clock.now();
    onBytes(bytes);
  });
  try {
    const failure = await restoring.run();
    if (failure !== undefined) return judged(failure);
    const endedAt = clock.now();
    const pace = { firstByteMs: (firstAt ?? endedAt) - startedAt, totalMs: endedAt - startedAt };
    return { state: 'restored', pace };
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    return judged(error);
  }
}

/** Whether the place failed, or only does not answer now. */
export function judged({ code, message }: Failure): Rehearsal {
  return { state: isRetryable(code) ? 'unanswered' : 'failed', failure: { code, message } };
}

class Rehearsing {
  readonly #engine: Engine;
  readonly #site: Site;
  readonly #row: ObjectRow;
  readonly #signal: AbortSignal;
  readonly #onBytes: (bytes: number) => void;
  #unreached: ProviderError | undefined;

  constructor(engine: Engine, site: Site, row: ObjectRow, signal: AbortSignal, onBytes: (bytes: number) => void) {
    this.#engine = engine;
    this.#site = site;
    this.#row = row;
    this.#signal = signal;
    this.#onBytes = onBytes;
  }

  /** @returns why the object was not restored; undefined when it was. */
  async run(): Promise<Failure | undefined> {
    const { key } = this.#row;
    const info = await listedAt(this.#site.provider, key, this.#signal);
    if (info === undefined) return { code: 'not-found', message: `${this.#site.name} does not list it` };
    const sighting = { key, row: this.#recorded ? undefined : this.#row, standing: [{ site: this.#site, info }] };
    const options = await this.#options();
    const restored = await new ObjectRestore({ ...sighting, there: undefined }, options, this.#signal).run();
    if (this.#unreached !== undefined) return this.#unreached;
    if (restored === undefined) throw new Error(`nothing became of ${key}`);
    const { outcome, choice } = restored;
    if (outcome.state === 'failed') return asFailure(outcome.problem);
    return choice === undefined ? undefined : otherThanKnown(choice, this.#row);
  }

  get #recorded(): boolean {
    return this.#row.copies.find(({ target }) => target === this.#site.name)?.recorded === true;
  }

  async #options(): Promise<ObjectOptions> {
    const { budget, clock, log } = this.#engine;
    const ignore = (): undefined => undefined;
    const onUnreached: ObjectOptions['onUnreached'] = (_, error) => {
      this.#unreached ??= error;
    };
    const engine = { ...this.#engine, catalog: undefined, onCatalogLost: ignore };
    const nowhere = new Discard();
    const capabilities: Capabilities = await nowhere.connect();
    return {
      ...{ budget, clock, log, overwrite: false, dryRun: false, at: undefined, onUnreached, onChosen: ignore },
      to: { site: new Site(nowhere, clock), capabilities },
      kept: { sites: [], engine, policy: '', onUnreached },
      method: 'attested',
      now: () => clock.now(),
      onBytes: this.#onBytes,
      onSourceBytes: this.#onBytes,
    };
  }
}

/** The code `older` is never of a place that is asked alone. */
function asFailure({ code, message }: { readonly code: ErrorCode | 'older'; readonly message: string }): Failure {
  return { code: code === 'older' ? 'invalid' : code, message };
}

function otherThanKnown({ sha256, attributes }: Choice, row: ObjectRow): Failure | undefined {
  if (row.sha256 !== null && sha256 !== row.sha256) {
    const message = `what it says it is has the SHA-256 ${sha256}, where the catalog knows ${row.sha256}`;
    return { code: 'checksum-mismatch', message };
  }
  if (attributes === null || row.attributes === null) return undefined;
  const differing = differingAttribute(attributes, row.attributes);
  return differing === undefined ? undefined : { code: 'invalid', message: `its ${differing} is another one` };
}
