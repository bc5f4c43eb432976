import { readFile } from 'node:fs/promises';

/** A process and the processes it started, as Linux's /proc shows them. */
export class ProcessTree {
  readonly #root: number;
  /** A process that ended keeps what it had read when it was last seen. */
  readonly #read = new Map<number, number>();

  constructor(root: number) {
    this.#root = root;
  }

  get readBytes(): number {
    return [...this.#read.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** @returns the bytes that all of them have resident now. */
  async sample(pid: number = this.#root): Promise<number> {
    const [status, io, children] = await Promise.all([
      contentOf(`/proc/${pid}/status`),
      contentOf(`/proc/${pid}/io`),
      // Of the first thread, which starts the children of Node and of shells.
      contentOf(`/proc/${pid}/task/${pid}/children`),
    ]);
    this.#read.set(pid, Math.max(this.#read.get(pid) ?? 0, numberAfter(io, 'rchar:')));
    const below = children.split(' ').filter((child) => child.trim() !== '');
    const resident = await Promise.all(below.map(async (child) => await this.sample(Number(child))));
    return resident.reduce((sum, bytes) => sum + bytes, numberAfter(status, 'VmRSS:') * 1024);
  }
}

/** Empty when the process is no more. */
async function contentOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}

function numberAfter(text: string, label: string): number {
  return Number(new RegExp(`${label}\\s+(\\d+)`).exec(text)?.[1] ?? 0);
}
