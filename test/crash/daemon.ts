import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const main = resolve(import.meta.dirname, '../../src/main.ts');

/** What `status --json` tells, as far as it is looked at. */
export interface Status {
  readonly status: string;
  readonly reasons: readonly string[];
  readonly policies: readonly {
    readonly objects: number;
    readonly pending: number;
    readonly failed: number;
    readonly damaged: number;
    readonly lost: number;
    readonly held: number;
  }[];
}

/** The real daemon, in a process that is killed and started again. */
export class Daemon {
  readonly #directory: string;
  #child: ChildProcess | undefined;
  /** The last words of whatever ended without being told to. */
  #words = '';

  constructor(directory: string) {
    this.#directory = directory;
  }

  start(): void {
    const child = spawn(process.execPath, [main, 'daemon', '-c', 'holdfast.yaml'], {
      cwd: this.#directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#words = (this.#words + text).slice(-4000)));
    this.#words = '';
    this.#child = child;
  }

  /** Waits until it says where it listens: from then on it works. */
  async up(): Promise<void> {
    while (this.#child?.exitCode === null && !this.#words.includes('/health')) await delay(10);
  }

  /** @throws when it had ended by itself: nothing that is killed here may make it do that. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** @returns its exit status after SIGTERM. */
  async stop(): Promise<number | null> {
    return await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode !== null) throw new Error(`the daemon ended by itself with ${child.exitCode}: ${this.#words}`);
    const closed = once(child, 'exit');
    child.kill(signal);
    const [code] = (await closed) as [number | null];
    this.#child = undefined;
    return code;
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.#ask('status', '--json')) as Status;
  }

  async #ask(...args: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [main, ...args, '-c', 'holdfast.yaml'], {
      cwd: this.#directory,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(child, 'close');
    return text;
  }

  /** Waits until nothing is left to do. @throws with the last status when that takes longer than `withinMs`. */
  async settled(withinMs: number, objects: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const status = await this.status();
      if (isSettled(status, objects)) return;
      if (performance.now() > deadline)
        throw new Error(`stuck: ${JSON.stringify(status)}\n${await this.#ask('status')}\n${this.#words}`);
      await delay(1_000);
    }
  }

  get catalog(): string {
    return join(this.#directory, 'catalog.db');
  }
}

function isSettled({ policies }: Status, objects: number): boolean {
  return policies.every(
    (policy) =>
      policy.objects === objects && policy.pending + policy.failed + policy.damaged + policy.lost + policy.held === 0,
  );
}
