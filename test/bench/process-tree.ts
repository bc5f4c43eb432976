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
    const [status, io, below] = await Promise.all([
      contentOf(`/proc/${pid}/status`),
      contentOf(`/proc/${pid}/io`),
      childrenOf(pid),
    ]);
    this.#read.set(pid, Math.max(this.#read.get(pid) ?? 0, numberAfter(io, 'rchar:')));
    const resident = await Promise.all(below.map(async (child) => await this.sample(child)));
    return resident.reduce((sum, bytes) => sum + bytes, numberAfter(status, 'VmRSS:') * 1024);
  }
}

/** Those that live, of its first thread, which starts the children of Node and of shells. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const children = await contentOf(`/proc/${pid}/task/${pid}/children`);
  return children.split(' ').flatMap((child) => (child.trim() === '' ? [] : [Number(child)]));
}

const clockTicksPerSecond = 100;

/** Seconds of CPU, user and system: of a process, and of its ended children and theirs. */
export async function cpuTimes(pid: number): Promise<{ readonly own: number; readonly endedChildren: number }> {
  const stat = await contentOf(`/proc/${pid}/stat`);
  // After the name, which may hold anything, the 12th to 15th (proc_pid_stat(5)): utime, stime, cutime, cstime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number);
  return { own: (user + system) / clockTicksPerSecond, endedChildren: (childUser + childSystem) / clockTicksPerSecond };
}

/** Empty when the process is no more. */
async function contentOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}

function numberAfter(text: string, label: string): number {
  return Number(new RegExp(`${label}\\s+(\\d+)`).exec(text)?.[1] ?? 0);
}
