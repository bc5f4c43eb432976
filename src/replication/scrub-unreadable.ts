import type { Aged, AgePlace } from '../catalog/scrub.ts';

/** So many at a target are no few unlucky copies: it is left alone for a while, and they are not remembered one by one. */
export const many = 32;

interface Turn extends AgePlace {
  /** When the first of all that were given up together was tried, and until when none of them is. */
  readonly since: number;
  readonly until: number;
}

interface Postponed extends AgePlace {
  readonly until: number;
}

/**
 * Copies that could not be read, and when they may be tried again. Few are known one by one. Where there are many at a
 * target, only the place is kept up to which all had their turn, so that memory does not grow with them; they are tried
 * again once those behind that place had theirs too, so that however many they are, they keep nobody else from it.
 * All times in milliseconds since the epoch.
 */
export class Unreadable {
  readonly #ones = new Map<string, Map<number, Postponed>>();
  readonly #turns = new Map<string, Turn>();

  /** How many copies of a target `passesOver` leaves out, at most. */
  get most(): number {
    return Math.max(0, ...[...this.#ones.values()].map((ones) => ones.size));
  }

  /** By target: what is not behind it had its turn. */
  get after(): ReadonlyMap<string, AgePlace> {
    return this.#turns;
  }

  passesOver(objectId: number, target: string): boolean {
    return this.#ones.get(target)?.has(objectId) === true;
  }

  /** @returns whether from now on it is not remembered one by one what of this target is tried again. */
  add({ object, target, at }: Aged, now: number, retryAfter: number): boolean {
    const ones = this.#ones.get(target) ?? new Map<number, Postponed>();
    this.#ones.set(target, ones);
    const until = now + retryAfter;
    // Evidence from the future counts as the oldest.
    ones.set(object.id, { at: at > now ? 0 : at, objectId: object.id, until });
    if (ones.size < many) return false;
    const before = this.#turns.get(target);
    const { at: reached, objectId } = [...ones.values()].reduce((a, b) => (isBehind(b, a) ? b : a));
    this.#turns.set(target, { at: reached, objectId, since: before?.since ?? now, until: before?.until ?? until });
    ones.clear();
    return before === undefined;
  }

  /** Forgets what may be tried again, and what a clock that was ahead has put further off than it can be. */
  dropPast(now: number, retryAfter: number): void {
    for (const ones of this.#ones.values()) {
      for (const [id, { until }] of ones) if (until <= now || until > now + retryAfter) ones.delete(id);
    }
    for (const [target, { since }] of this.#turns) if (since > now) this.#turns.delete(target);
  }

  /** Of these targets, those of which what had its turn may be tried again once the others had theirs. */
  waiting(targets: readonly string[], now: number): string[] {
    return targets.filter((target) => (this.#turns.get(target)?.until ?? Infinity) <= now);
  }

  /** `due`: when the evidence of what comes next at a target was taken; undefined when nothing there is due. */
  endTurn(target: string, due: number | undefined): void {
    const since = this.#turns.get(target)?.since;
    if (since !== undefined && (due === undefined || due >= since)) this.#turns.delete(target);
  }
}

function isBehind(a: AgePlace, b: AgePlace): boolean {
  return a.at > b.at || (a.at === b.at && a.objectId > b.objectId);
}
