import type { Catalog } from '../catalog/catalog.ts';
import type { ClaimToken } from '../catalog/claims.ts';
import { every, type Clock } from '../objects/clock.ts';
import { errorMessage } from '../objects/errors.ts';
import type { Log } from '../telemetry/log.ts';

const seconds = 1000;

/** How long a claim lasts without being renewed: a worker that died is replaced after this. */
const leaseMs = 60 * seconds;

interface Held extends ClaimToken {
  readonly lost: AbortController;
  readonly reasonToStop: (() => Promise<Error | undefined>) | undefined;
}

export interface Lease extends Disposable {
  /** Aborts when the lease was lost (somebody else may be working on the object now) or the work is given up. */
  readonly signal: AbortSignal;
}

/** The leases that one worker holds, renewed while the work goes on. */
export class Leases {
  readonly length = leaseMs;
  readonly #catalog: Catalog;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #held = new Map<number, Held>();
  #abort: AbortSignal | undefined;

  constructor({ catalog, clock, log }: { readonly catalog: Catalog; readonly clock: Clock; readonly log: Log }) {
    this.#catalog = catalog;
    this.#clock = clock;
    this.#log = log;
  }

  /** `reasonToStop`: asked at each renewal; what it returns ends the work, which gives the lease back. */
  hold(claim: ClaimToken, reasonToStop?: () => Promise<Error | undefined>): Lease {
    const { objectId, token } = claim;
    const held: Held = { objectId, token, lost: new AbortController(), reasonToStop };
    // Claimed again by this very worker: the older lease had run out.
    this.#held.get(objectId)?.lost.abort(new Error('the lease was lost'));
    this.#held.set(objectId, held);
    if (this.#abort?.aborted === true) held.lost.abort(this.#abort.reason);
    return {
      signal: held.lost.signal,
      [Symbol.dispose]: () => {
        if (this.#held.get(objectId) === held) this.#held.delete(objectId);
      },
    };
  }

  /**
   * Renews what is held, until disposed; `abort` gives up whatever is held. It is listened to once: a signal
   * composed for every claim (`AbortSignal.any`) would be kept in memory for as long as a daemon lives.
   */
  keepAlive(abort: AbortSignal): AsyncDisposable {
    this.#abort = abort;
    const giveUp = (): void => {
      for (const { lost } of this.#held.values()) lost.abort(abort.reason);
    };
    abort.addEventListener('abort', giveUp, { once: true });
    let renewing = Promise.resolve();
    const cancel = every(this.#clock, leaseMs / 3, () => {
      renewing = renewing.then(async () => await this.#renew());
    });
    return {
      [Symbol.asyncDispose]: async () => {
        cancel();
        abort.removeEventListener('abort', giveUp);
        await renewing;
      },
    };
  }

  async #renew(): Promise<void> {
    const held = [...this.#held.values()];
    if (held.length === 0) return;
    try {
      const lost = new Set(await this.#catalog.renew(held, leaseMs));
      // Not of what was claimed again meanwhile.
      for (const { objectId, lost: work } of held) if (lost.has(objectId)) work.abort(new Error('the lease was lost'));
      for (const { lost: work, reasonToStop } of held) {
        const reason = await reasonToStop?.();
        if (reason !== undefined) work.abort(reason);
      }
    } catch (error) {
      // The catalog may answer again before the leases run out; settling checks the fence in any case.
      this.#log.warn({ error: errorMessage(error) }, 'leases could not be renewed');
    }
  }
}
