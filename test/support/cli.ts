import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const main = resolve(import.meta.dirname, '../../src/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory with a configuration, in which the real program is run. */
export class Desk implements AsyncDisposable {
  readonly directory: string;
  readonly #running = new Set<ChildProcess>();

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Where a file of this name is in the directory. */
  at(...names: string[]): string {
    return join(this.directory, ...names);
  }

  async write(name: string, content: string | Buffer): Promise<void> {
    await mkdir(dirname(this.at(name)), { recursive: true });
    await writeFile(this.at(name), content);
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [main, ...args], {
      cwd: this.directory,
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    child.once('close', () => this.#running.delete(child));
    return new Running(child);
  }

  async run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> {
    return await this.start(args, env).ended;
  }

  /** Runs a command with `--json`. */
  async json<T>(...args: string[]): Promise<{ readonly code: number | null; readonly document: T }> {
    const { code, stdout, stderr } = await this.run([...args, '--json', '--log-level', 'error']);
    try {
      return { code, document: JSON.parse(stdout) as T };
    } catch (cause) {
      throw new Error(`no JSON (exit ${code}): ${stdout}${stderr}`, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#running].map(async (child) => {
        const closed = once(child, 'close');
        child.kill('SIGKILL');
        await closed;
      }),
    );
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A command under way. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.ended = once(child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  /** Waits for a line on stderr. @throws when the process ends without it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stderr);
      if (found !== null) return found;
      if (this.child.exitCode !== null) throw new Error(`it ended without saying ${pattern}: ${this.#stderr}`);
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }

  async signal(name: NodeJS.Signals): Promise<Ended> {
    this.child.kill(name);
    return await this.ended;
  }
}

export async function openDesk(): Promise<Desk> {
  const desk = new Desk(await mkdtemp(join(tmpdir(), 'holdfast-e2e-')));
  await mkdir(desk.at('source'));
  return desk;
}

/** A configuration with the directory `source` and the given targets (`name: {type: …}` in YAML). */
export function configOf(targets: Readonly<Record<string, string>>, more = ''): string {
  const names = Object.keys(targets);
  return [
    'catalog: sqlite:./catalog.db',
    'providers:',
    '  primary: { type: filesystem, path: ./source }',
    ...names.map((name) => `  ${name}: ${targets[name]}`),
    'policies:',
    `  - { name: docs, source: primary, targets: [${names.join(', ')}], minCopies: 1, detect: { every: 200ms, full: 1s } }`,
    ...(more.includes('http:') ? [] : ['http: { listen: 127.0.0.1:0 }']),
    more,
  ].join('\n');
}

export const directories = {
  one: '{ type: filesystem, path: ./one }',
  two: '{ type: filesystem, path: ./two }',
};
