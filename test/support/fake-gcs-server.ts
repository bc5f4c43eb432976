import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { findServer } from './servers.ts';

export interface RunningServer {
  readonly endpoint: string;
  stop(): Promise<void>;
}

export interface FakeGcsServerOptions {
  /** Where it keeps its objects; default: in memory. */
  readonly directory?: string;
}

/** Starts fsouza's fake-gcs-server with nothing in it. Undefined when it is not installed. */
export async function startFakeGcsServer(options: FakeGcsServerOptions = {}): Promise<RunningServer | undefined> {
  const program = findServer('fake-gcs-server');
  if (program === undefined) return undefined;
  for (let attempt = 1; ; attempt += 1) {
    const running = await tryStart(program, await freePort(), options);
    if (running !== undefined) return running;
    if (attempt === 3) throw new Error(`${program} does not start; run it by hand to see why`);
  }
}

/** @returns undefined when the port was taken meanwhile. */
async function tryStart(
  program: string,
  port: number,
  { directory }: FakeGcsServerOptions,
): Promise<RunningServer | undefined> {
  const where = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port)];
  const keep =
    directory === undefined ? ['-backend', 'memory'] : ['-backend', 'filesystem', '-filesystem-root', directory];
  const how = [...keep, '-data', '/nonexistent', '-log-level', 'error'];
  const child = spawn(program, [...where, ...how], { stdio: 'ignore' });
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = (): Promise<void> => end(child);
  if (await answers(child, endpoint)) return { endpoint, stop };
  await stop();
  return undefined;
}

async function answers(child: ChildProcess, endpoint: string): Promise<boolean> {
  const deadline = Date.now() + 30_000;
  while (child.exitCode === null && Date.now() < deadline) {
    const answer = await fetch(`${endpoint}/_internal/healthcheck`).catch(() => undefined);
    if (answer?.ok === true) return child.exitCode === null;
    await delay(20);
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
