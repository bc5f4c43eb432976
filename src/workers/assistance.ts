import type { Reached } from '../providers/once-reached.ts';
import type { Assisted } from '../replication/worker.ts';
import { isOfThreadAlone } from './failure.ts';
import { reachedBy } from './reached-by.ts';
import type { ThreadHandle } from './thread-handle.ts';

/** The work of all worker threads beside one worker of the main thread. */
export class Assistance {
  readonly worker: Assisted;
  readonly #onFailure: (error: unknown) => void;
  readonly #works = new Map<ThreadHandle, Promise<void>>();
  #dueBefore: number | undefined;
  #reached: Reached;
  /** What ended the work of one first, and with it that of all. */
  #failure: { readonly error: unknown } | undefined;

  /** @param onFailure told when the work is over though nobody had asked for that. */
  constructor(worker: Assisted, onFailure: (error: unknown) => void) {
    this.worker = worker;
    this.#onFailure = onFailure;
    this.#dueBefore = worker.scope.dueBefore?.();
    this.#reached = reachedBy(worker.scope.policies);
  }

  add(thread: ThreadHandle): void {
    const { policies, prefix } = this.worker.scope;
    const names = policies.map(({ name }) => name);
    const work = thread.work({ policies: names, prefix, dueBefore: this.#dueBefore, reached: this.#reached });
    this.#works.set(
      thread,
      work.catch((error: unknown) => this.fail(error)),
    );
  }

  /** Resolves when what it had begun has ended. */
  async remove(thread: ThreadHandle): Promise<void> {
    thread.stop();
    await this.#works.get(thread);
    this.#works.delete(thread);
  }

  /** Passes on what the worker's scope says by now. */
  tellDueBefore(): void {
    const dueBefore = this.worker.scope.dueBefore?.();
    if (dueBefore === this.#dueBefore) return;
    this.#dueBefore = dueBefore;
    for (const thread of this.#works.keys()) thread.setDueBefore(dueBefore);
  }

  /** Passes on what the main thread has reached by now; what it has reached stays so. */
  tellReached(): void {
    const reached = reachedBy(this.worker.scope.policies);
    if (reached.size === this.#reached.size) return;
    this.#reached = reached;
    for (const thread of this.#works.keys()) thread.setReached(reached);
  }

  /** What would have ended the main thread's work ends that of all; nobody waits for what the others had begun. */
  fail(error: unknown): void {
    if (isOfThreadAlone(error)) return;
    this.#failure ??= { error };
    this.abort();
    this.#onFailure(error);
  }

  abort(): void {
    for (const thread of this.#works.keys()) thread.abort();
  }

  /** Has all threads stop. @throws what ended the work of one, once the others' has ended too. */
  async end(): Promise<void> {
    for (const thread of this.#works.keys()) thread.stop();
    await Promise.all(this.#works.values());
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
