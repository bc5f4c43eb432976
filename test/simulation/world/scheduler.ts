import type { Clock } from '../../../src/objects/clock.ts';

/** Whose event it is: what belongs to a process that died never happens. */
export interface Owner {
  dead: boolean;
  /** Requests that it waits for. */
  inFlight: number;
  /** Timers that ran out one after the other with nothing else to do. */
  idle: number;
}

interface Event {
  at: number;
  readonly order: number;
  readonly run: () => void;
  readonly owner: Owner | undefined;
  /** How long a timer was set for, where it may run out late. */
  readonly patience: number;
  late: boolean;
  cancelled: boolean;
}

/** Timers shorter than this are never late: they gather writes. */
const prompt = 100;

/** So many timers in a row with nothing else to do are a process at rest: from then on they are served late. */
const atRestAfter = 2;

/** While it waits for a request, a process is woken so much too late at most, in milliseconds. */
const lateAtWork = 3_000;

/**
 * The one owner of time and order. Everything that is not computation (a request, its effect, its answer, a timer) is an
 * event here; between two events everything that can go on does, so that a history is a function of its seed.
 */
export class Scheduler {
  /** Milliseconds that have passed. */
  passed = 0;
  /** By how much the clock on the wall was set. */
  set = 0;
  /** How much later than asked a process at rest is woken at most, so that days cost little. */
  mostLate = 0;
  events = 0;
  /** Whose event is under way. */
  current: Owner | undefined;
  readonly #start = Date.UTC(2026, 0, 1);
  readonly #heap: Event[] = [];
  #order = 0;

  now(): number {
    return this.#start + this.passed + this.set;
  }

  /** What a wall clock says now, as time that has passed. */
  passedAt(now: number): number {
    return now - this.#start - this.set;
  }

  /** @returns what cancels it. */
  in(ms: number, run: () => void, owner?: Owner, patience = 0): () => void {
    const at = this.passed + Math.max(0, Math.ceil(ms));
    const event: Event = { at, order: this.#order, run, owner, patience, late: false, cancelled: false };
    this.#order += 1;
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Runs events until `done`, or until there are none left, or `most` of them. @returns whether it is done. */
  async until(done: () => boolean, most = Infinity): Promise<boolean> {
    await quiet();
    for (let count = 0; !done(); count += 1) {
      const event = this.#pop();
      if (event === undefined || count >= most) return false;
      if (event.cancelled || event.owner?.dead === true || this.#isPutOff(event)) continue;
      this.passed = Math.max(this.passed, event.at);
      this.events += 1;
      this.current = event.owner;
      event.run();
      await quiet();
      this.current = undefined;
    }
    return true;
  }

  #isPutOff(event: Event): boolean {
    const { owner, patience } = event;
    if (owner === undefined || patience < prompt || event.late) return false;
    owner.idle += 1;
    if (owner.idle < atRestAfter) return false;
    const most = owner.inFlight > 0 ? Math.min(this.mostLate, lateAtWork) : this.mostLate;
    const by = Math.min(most, patience * 4 ** Math.min(15, owner.idle - atRestAfter));
    if (by < patience) return false;
    event.late = true;
    event.at += Math.ceil(by);
    this.#push(event);
    return true;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !before(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = heap[left + 1];
      let child = heap[left];
      if (child === undefined) break;
      let down = left;
      if (right !== undefined && before(right, child)) [child, down] = [right, left + 1];
      if (!before(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
    return first;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Everything that can go on without an event has. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The clock of one process. */
export function clockOf(scheduler: Scheduler, owner: Owner): Clock {
  return {
    now: () => scheduler.now(),
    after: (ms, run) => scheduler.in(ms, run, owner, ms),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const wake = (): void => {
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const cancel = scheduler.in(ms, wake, owner, ms);
        const abort = (): void => {
          cancel();
          reject(signal?.reason as Error);
        };
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
  };
}
