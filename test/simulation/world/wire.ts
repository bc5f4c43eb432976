import { ProviderError } from '../../../src/objects/errors.ts';
import type { Operation } from '../../../src/providers/intercept.ts';
import type { Random } from '../../../src/objects/clock.ts';
import type { Owner, Scheduler } from './scheduler.ts';
import { flipped } from './store.ts';

/** What may go wrong with one request. */
export type RequestFault = { readonly on: 'anything' | 'writing' | 'reading' } & Wrong;

type Wrong =
  /** Refused before anything happened. */
  | { readonly kind: 'unavailable' | 'throttled' | 'denied' }
  /** It took effect, and its answer was lost or was an error. */
  | { readonly kind: 'answer-lost' }
  /** Given up as failed, and takes effect later all the same. */
  | { readonly kind: 'late-effect'; readonly ms: number }
  /** It takes effect, is answered, and takes effect once more later. */
  | { readonly kind: 'twice'; readonly ms: number }
  /** Nothing comes, whether or not it took effect. */
  | { readonly kind: 'stall' }
  | { readonly kind: 'slow'; readonly ms: number }
  /** One bit flips on its way: in what is sent, or in what comes back. */
  | { readonly kind: 'flip'; readonly bit: number }
  /** A body or a listing breaks off. */
  | { readonly kind: 'cut' };

const writes: readonly Operation[] = ['put', 'start-upload', 'part', 'complete', 'abort', 'delete'];
const reads: readonly Operation[] = ['head', 'read', 'resume-upload', 'keep', 'list-uploads'];
const bodies: readonly Operation[] = ['read', 'put', 'part'];

function concerns({ kind, on }: RequestFault, operation: Operation): boolean {
  if (on === 'writing' && !writes.includes(operation)) return false;
  if (on === 'reading' && !reads.includes(operation)) return false;
  switch (kind) {
    case 'answer-lost':
    case 'late-effect':
    case 'twice':
      return writes.includes(operation);
    case 'flip':
      return bodies.includes(operation);
    case 'cut':
      return operation === 'read' || operation === 'list';
    default:
      return true;
  }
}

/** The way to one store, the same for all processes: its delays, and what goes wrong on it. */
export class Wire {
  readonly name: string;
  readonly #armed: RequestFault[] = [];
  readonly #latency: number;
  readonly #random: Random;
  readonly #onFault: (kind: string) => void;
  readonly #flips: number[] = [];
  /** Nothing gets through until then, in milliseconds that have passed. */
  outageUntil = 0;

  constructor(name: string, latency: number, random: Random, onFault: (kind: string) => void) {
    this.name = name;
    this.#latency = latency;
    this.#random = random;
    this.#onFault = onFault;
  }

  /** The next request that it concerns meets it. */
  arm(fault: RequestFault): void {
    this.#armed.push(fault);
  }

  heal(): void {
    this.#armed.length = 0;
    this.outageUntil = 0;
  }

  delay(): number {
    return 1 + Math.floor(this.#random() * this.#latency);
  }

  chance(): number {
    return this.#random();
  }

  flipsSince(passed: number): number {
    return this.#flips.filter((at) => at >= passed).length;
  }

  take(operation: Operation, passed: number): RequestFault | undefined {
    if (passed < this.outageUntil) {
      this.#onFault('request in an outage');
      return { on: 'anything', kind: this.#random() < 0.1 ? 'stall' : 'unavailable' };
    }
    const at = this.#armed.findIndex((fault) => concerns(fault, operation));
    const [fault] = at === -1 ? [] : this.#armed.splice(at, 1);
    if (fault?.kind === 'flip') this.#flips.push(passed);
    if (fault !== undefined) this.#onFault(`${fault.kind} (${operation})`);
    return fault;
  }
}

/** What a request needs to be made: time, the process that makes it, and the wire. Without them it is answered at once. */
export interface Line {
  readonly scheduler: Scheduler;
  readonly owner: Owner;
  readonly wire: Wire;
}

export interface Request<T> {
  readonly operation: Operation;
  /** Runs at the store, at one moment; told what goes wrong, for damage to what travels. */
  readonly effect: (fault: RequestFault | undefined) => T;
  readonly key?: string;
}

/** One request: it travels, takes effect at one moment, and its answer travels back; each of which may fail. */
export function send<T>(
  line: Line | undefined,
  provider: string,
  request: Request<T>,
  signal: AbortSignal,
): Promise<T> {
  const fail = failing(provider, request.key);
  if (signal.aborted) return Promise.reject(fail('aborted', 'was aborted', signal.reason));
  if (line === undefined) return answer(() => request.effect(undefined));
  return new Promise<T>((resolve, reject) => travel(line, request, fail, signal, { resolve, reject }));
}

interface Answer<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function travel<T>(
  { scheduler, owner, wire }: Line,
  { operation, effect }: Request<T>,
  fail: Fail,
  signal: AbortSignal,
  { resolve, reject }: Answer<T>,
): void {
  const fault = wire.take(operation, scheduler.passed);
  owner.inFlight += 1;
  owner.idle = 0;
  let open = true;
  const close = (): boolean => {
    if (!open) return false;
    open = false;
    owner.inFlight -= 1;
    signal.removeEventListener('abort', abort);
    return true;
  };
  const back = (end: () => void, ms = wire.delay()): void => {
    scheduler.in(ms, () => void (close() && end()), owner);
  };
  // What was sent may still take effect.
  const abort = (): void => {
    if (wire.chance() < 0.5) cancelEffect();
    back(() => reject(fail('aborted', 'was aborted', signal.reason)), 1 + Math.floor(wire.chance() * 20));
  };
  signal.addEventListener('abort', abort, { once: true });
  const takeEffect = (): (() => void) => {
    try {
      const value = effect(fault);
      return () => resolve(value);
    } catch (error) {
      return () => reject(error);
    }
  };
  const away = (): void => reject(fail('unavailable', 'did not answer'));
  const lostWithSender = wire.chance() < 0.5;
  const there = wire.delay() + (fault?.kind === 'slow' ? fault.ms : 0);
  const cancelEffect = scheduler.in(there, () => {
    if (owner.dead && lostWithSender) return undefined;
    switch (fault?.kind) {
      case 'unavailable':
        return back(away);
      case 'denied':
        return back(() => reject(fail('denied', 'refuses')));
      case 'throttled':
        return back(() =>
          reject(fail('throttled', 'is asked too often', undefined, 1 + Math.floor(wire.chance() * 9_000))),
        );
      case 'answer-lost':
        takeEffect();
        return back(away);
      case 'cut':
        return back(operation === 'list' ? away : takeEffect());
      case 'late-effect':
        scheduler.in(lateBy(fault.ms, operation), () => void takeEffect());
        return back(away);
      case 'twice':
        scheduler.in(lateBy(fault.ms, operation), () => void takeEffect());
        return back(takeEffect());
      case 'stall':
        if (wire.chance() < 0.5) takeEffect();
        return undefined;
      default:
        return back(takeEffect());
    }
  });
}

/**
 * A delete names the version by what a target tells of it, and some tell the same of the same bytes: one that comes when the
 * object was brought back cannot be told from one that is meant. Services refuse what was signed a quarter of an hour
 * ago; the model allows for ten minutes.
 */
const latestDelete = 9 * 60_000;

function lateBy(ms: number, operation: Operation): number {
  return operation === 'delete' ? Math.min(ms, latestDelete) : ms;
}

async function answer<T>(effect: () => T): Promise<T> {
  return effect();
}

type Code = ProviderError['code'];
type Fail = (code: Code, what: string, cause?: unknown, retryAfterMs?: number) => ProviderError;

export function failing(provider: string, key?: string): Fail {
  return (code, what, cause, retryAfterMs) =>
    new ProviderError(code, `"${provider}" ${what}`, {
      provider,
      ...(key === undefined ? {} : { key }),
      ...(cause === undefined ? {} : { cause }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
}

export function damaged(bytes: Buffer, fault: RequestFault | undefined): Buffer {
  return fault?.kind === 'flip' && bytes.length > 0 ? flipped(bytes, fault.bit) : bytes;
}
