/**
 * A process with four threads and two filesystem targets, one of which hangs; tells on stdout what became of each. Opening
 * a pipe that nobody writes to keeps a thread as a dead disk does, and a sidecar is opened by every `head`.
 */
import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { constants, closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { systemClock } from '../../src/objects/clock.ts';
import { errorMessage } from '../../src/objects/errors.ts';
import { noAttributes } from '../../src/objects/object.ts';
import { Threads } from '../../src/providers/filesystem/threads.ts';
import { sidecarPath } from '../../src/providers/filesystem/layout.ts';
import { threadPoolSize } from '../../src/config/thread-pool.ts';
import { openProvider } from '../../src/providers/open.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { digestOf } from './digest.ts';

const directory = process.argv[2] ?? '';
const calm = new AbortController().signal;
const bytes = Buffer.from('bytes');
const keys = Array.from({ length: 12 }, (_, at) => `k${at}`);
const threads = new Threads(threadPoolSize());
const tell = (what: string): void => void process.stdout.write(`${what}\n`);

async function open(name: string): Promise<Provider> {
  const settings = { type: 'filesystem', path: join(directory, name), timeouts: { call: 500 } } as const;
  const surroundings = { clock: systemClock, random: Math.random, onRequest: () => undefined, threads };
  const provider = await openProvider(name, settings, surroundings);
  await provider.connect('target', calm);
  return provider;
}

async function put(provider: Provider, key: string): Promise<void> {
  const digest = await digestOf(bytes);
  const { sha256 } = digest;
  const record = { sha256, size: bytes.length, sourceVersion: 'v', sourceModifiedAt: 0, checksums: { sha256 } };
  await provider.put(key, bytes, { attributes: noAttributes, record, digest }, calm);
}

const [hanging, healthy] = [await open('hanging'), await open('healthy')];
for (const key of keys) await put(hanging, key);
const pipes = keys.map((key) => join(directory, 'hanging', sidecarPath(key)));
for (const pipe of pipes) rmSync(pipe);
execFileSync('mkfifo', pipes);

const hung = keys.map(async (key) => await hanging.head(key, calm));
for (const key of keys) await put(healthy, key);
await healthy.head('k1', calm);
tell('the other target takes copies');
await lookup('localhost');
tell('names are looked up');
await promisify(gzip)(bytes);
tell('bytes are compressed');
for (const outcome of await Promise.allSettled(hung)) {
  tell(outcome.status === 'fulfilled' ? 'answered' : errorMessage(outcome.reason));
}
for (const key of keys) await put(healthy, `later/${key}`);
tell('also after they were given up');
// A process ends only when its threads do: somebody writes to the pipes that are being opened, and no other is opened later.
for (const pipe of pipes) {
  try {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // Nobody reads from this one.
  }
  rmSync(pipe);
}
