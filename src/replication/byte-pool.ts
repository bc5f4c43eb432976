/** How many bytes of a budget are free. Several threads may take from the same one. */
export interface BytePool {
  /** In bytes. */
  readonly total: number;
  /** In bytes. */
  readonly free: number;
  /** @returns whether so many were free; they are taken then. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** Somebody here waits: has `retry` called once others may have given some back since the last `take`. */
  await(retry: () => void): void;
  /** Nobody waits here any more. */
  leave(): void;
}

/** Of one thread alone. */
export class OwnBytes implements BytePool {
  readonly total: number;
  #free: number;

  constructor(total: number) {
    this.total = total;
    this.#free = total;
  }

  get free(): number {
    return this.#free;
  }

  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }

  /** There are no others. */
  await(): void {}

  leave(): void {}
}

const KiB = 1024;

/** As many as there are bits. */
const mostThreads = 31;

/** What each cell holds; the memory begins as zeros. */
const cell = {
  /** A bit for each thread in which somebody waits. */
  waiting: 0,
  /** The thread (counted from 1) whose turn it is while any waits: nobody else takes any. 0: none waits. */
  turn: 1,
  /** Grows with everything that a thread may wait for. */
  changes: 2,
  /** KiB that the first thread has taken; the others' follow. One for each, so that it is known what one held that died. */
  taken: 3,
} as const;

/** A change that was missed, because a thread died, costs so long at most; in milliseconds. */
const lookAgain = 1_000;

function bitOf(thread: number): number {
  return 1 << (thread - 1);
}

/**
 * Of several threads of a process. Threads in which somebody waits take turns, and the others take none meanwhile, so
 * that what is large does not starve beside another thread's small ones.
 */
export class SharedBytes implements BytePool {
  readonly total: number;
  readonly #cells: Int32Array;
  readonly #thread: number;
  #awaiting = false;
  #seen = 0;

  /**
   * @param memory made by `sharedMemory`
   * @param thread counted from 0
   */
  constructor(total: number, memory: SharedArrayBuffer, thread: number) {
    this.total = Math.floor(total / KiB) * KiB;
    this.#cells = new Int32Array(memory);
    this.#thread = thread + 1;
  }

  static sharedMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer((cell.taken + mostThreads) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Gives back what a thread held that is dead, and its turn: it cannot do so itself. */
  static forget(memory: SharedArrayBuffer, thread: number): void {
    const dead = new SharedBytes(0, memory, thread);
    Atomics.store(dead.#cells, dead.#own, 0);
    dead.leave();
    dead.#tell();
  }

  get free(): number {
    let taken = 0;
    for (let one = cell.taken; one < this.#cells.length; one += 1) taken += Atomics.load(this.#cells, one);
    return this.total - taken * KiB;
  }

  take(bytes: number): boolean {
    this.#seen = Atomics.load(this.#cells, cell.changes);
    const turn = this.#turn();
    if (turn !== 0 && turn !== this.#thread) return false;
    if (!this.#takeNow(Math.ceil(bytes / KiB))) return false;
    if (turn === this.#thread) this.#passOn();
    return true;
  }

  give(bytes: number): void {
    Atomics.sub(this.#cells, this.#own, Math.ceil(bytes / KiB));
    this.#tell();
  }

  await(retry: () => void): void {
    if (this.#awaiting) return;
    this.#awaiting = true;
    Atomics.or(this.#cells, cell.waiting, this.#bit);
    Atomics.compareExchange(this.#cells, cell.turn, 0, this.#thread);
    const again = (): void => {
      this.#awaiting = false;
      retry();
    };
    const waiting = Atomics.waitAsync(this.#cells, cell.changes, this.#seen, lookAgain);
    if (waiting.async) waiting.value.then(again, again);
    else setImmediate(again);
  }

  leave(): void {
    Atomics.and(this.#cells, cell.waiting, ~this.#bit);
    if (Atomics.load(this.#cells, cell.turn) === this.#thread) this.#passOn();
  }

  /** The cell of what this thread has taken. */
  get #own(): number {
    return cell.taken + this.#thread - 1;
  }

  get #bit(): number {
    return bitOf(this.#thread);
  }

  /** A thread that left just when it was given the turn has none. */
  #turn(): number {
    const turn = Atomics.load(this.#cells, cell.turn);
    if (turn === 0 || (Atomics.load(this.#cells, cell.waiting) & bitOf(turn)) !== 0) return turn;
    Atomics.compareExchange(this.#cells, cell.turn, turn, 0);
    return 0;
  }

  /** Taken first and looked at then: of two that take at once both see it, and no more is taken than there is. */
  #takeNow(kib: number): boolean {
    if (kib * KiB > this.free) return false;
    Atomics.add(this.#cells, this.#own, kib);
    if (this.free >= 0) return true;
    Atomics.sub(this.#cells, this.#own, kib);
    // Another may have found too little meanwhile, and wait.
    this.#tell();
    return false;
  }

  /** To the next thread in which somebody waits; this one comes last. */
  #passOn(): void {
    const waiting = Atomics.load(this.#cells, cell.waiting);
    let next = this.#thread;
    do next = (next % mostThreads) + 1;
    while (next !== this.#thread && (waiting & bitOf(next)) === 0);
    Atomics.store(this.#cells, cell.turn, (waiting & bitOf(next)) === 0 ? 0 : next);
    this.#tell();
  }

  #tell(): void {
    Atomics.add(this.#cells, cell.changes, 1);
    Atomics.notify(this.#cells, cell.changes);
  }
}
