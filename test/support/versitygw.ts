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

export interface VersitygwOptions {
  /** Buckets may keep versions, once that is switched on for them. Default: they cannot. */
  readonly versioning?: boolean;
}

/** A real S3 server over a temporary directory (versitygw, posix backend); undefined when it is not installed. */
export async function startVersitygw(options: VersitygwOptions = {}): Promise<Versitygw | undefined> {
  const program = findServer('versitygw');
  if (program === undefined) return undefined;
  for (let attempt = 1; ; attempt += 1) {
    const started = await start(program, await freePort(), options);
    if (started !== undefined) return started;
    if (attempt === attempts) throw new Error(`${program} did not begin to listen in ${attempts} attempts.`);
  }
}

/** Undefined when the server ended before it listened: somebody else may have taken the port. */
async function start(
  program: string,
  port: number,
  { versioning = false }: VersitygwOptions,
): Promise<Versitygw | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-versitygw-'));
  const versions = versioning ? await mkdtemp(join(tmpdir(), 'holdfast-versions-')) : undefined;
  const posix = ['posix', ...(versions === undefined ? [] : ['--versioning-dir', versions]), directory];
  const child = spawn(program, ['--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', ...posix], {
    env: { ROOT_ACCESS_KEY_ID: credentials.accessKeyId, ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey },
    stdio: 'ignore',
  });
  const ended = new Promise<false>((resolve) => {
    child.once('exit', () => resolve(false));
    child.once('error', () => resolve(false));
  });
  const stop = () => stopChild(child, ended, [directory, ...(versions === undefined ? [] : [versions])]);
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

async function stopChild(child: ChildProcess, ended: Promise<unknown>, directories: readonly string[]): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await ended;
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
}
