import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { findServer } from './servers.ts';

export interface Versitygw {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Where the buckets are directories and the objects files. */
  readonly directory: string;
  stop(): Promise<void>;
}

const credentials = { accessKeyId: 'holdfast', secretAccessKey: 'holdfast-secret' };
const attempts = 3;

/** A real S3 server over a temporary directory (versitygw, posix backend); undefined when it is not installed. */
export async function startVersitygw(): Promise<Versitygw | undefined> {
  const program = findServer('versitygw');
  if (program === undefined) return undefined;
  for (let attempt = 1; ; attempt += 1) {
    const started = await start(program, await freePort());
    if (started !== undefined) return started;
    if (attempt === attempts) throw new Error(`${program} did not begin to listen in ${attempts} attempts.`);
  }
}

/** Undefined when the server ended before it listened: somebody else may have taken the port. */
async function start(program: string, port: number): Promise<Versitygw | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-versitygw-'));
  const child = spawn(program, ['--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', 'posix', directory], {
    env: { ROOT_ACCESS_KEY_ID: credentials.accessKeyId, ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey },
    stdio: 'ignore',
  });
  const ended = new Promise<false>((resolve) => {
    child.once('exit', () => resolve(false));
    child.once('error', () => resolve(false));
  });
  const stop = () => stopChild(child, ended, directory);
  if (!(await Promise.race([listens(port, child), ended]))) {
    await stop();
    return undefined;
  }
  return { endpoint: `http://127.0.0.1:${port}`, ...credentials, directory, stop };
}

async function listens(port: number, child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    if (await accepts(port)) return true;
    await delay(20);
  }
  return false;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>, directory: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await ended;
  await rm(directory, { recursive: true, force: true });
}
