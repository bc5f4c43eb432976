import type { Assisted } from '../replication/worker.ts';
import type { ThreadHandle } from './thread-handle.ts';

/** The work of all worker threads beside one worker of the main thread. */
export class Assistance {
  readonly worker: Assisted;
  readonly #onFailure: (error: unknown) => void;
  readonly #works = new Map<ThreadHandle, Promise<void>>();
  #dueBefore: number | undefined;

  /** @param onFailure told when a thread's work ended though nobody had asked for that. */
  constructor(worker: Assisted, onFailure: (error: unknown) => void) {
    this.worker = worker;
    this.#onFailure = onFailure;
    this.#dueBefore = worker.scope.dueBefore?.();
  }

  add(thread: ThreadHandle): void {
    const { policies, prefix } = this.worker.scope;
    const names = policies.map(({ name }) => name);
    const work = thread.work({ policies: names, prefix, dueBefore: this.#dueBefore });
    work.catch(this.#onFailure);
    this.#works.set(thread, work);
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

  abort(): void {
    for (const thread of this.#works.keys()) thread.abort();
  }

  /** Has all threads stop. @throws what ended the work of one, once the others' has ended too. */
  async end(): Promise<void> {
    for (const thread of this.#works.keys()) thread.stop();
    const ended = await Promise.allSettled(this.#works.values());
    for (const work of ended) if (work.status === 'rejected') throw work.reason;
  }
}
