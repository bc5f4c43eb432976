import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PassThrough, Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Catalog } from './catalog/catalog.ts';
import { openSqliteCatalog } from './catalog/sqlite/open.ts';
import type { Clock, Random } from './objects/clock.ts';
import { openProvider } from './providers/open.ts';
import type { Provider } from './providers/provider.ts';
import type { StagedFile, Staging } from './replication/snapshots.ts';

const dayMs = 24 * 3_600_000;

/**
 * Makes a directory beside the catalog, where there is room for a copy of it and nobody else may read. What a process that
 * was killed left there is removed after a day.
 */
export async function openStaging(
  catalog: string,
  surroundings: { readonly clock: Clock; readonly random: Random },
  signal: AbortSignal,
): Promise<Staging> {
  const beside = `${resolve(catalog)}.staging-`;
  await mkdir(dirname(beside), { recursive: true });
  await removeLeftovers(beside, surroundings.clock.now());
  const directory = await mkdtemp(beside);
  const provider = await openProvider(
    'staging',
    { type: 'filesystem', path: directory },
    { ...surroundings, onRequest: () => undefined },
  );
  await provider.connect('source', signal);
  return new StagingDirectory(directory, provider, surroundings.clock, signal);
}

async function removeLeftovers(beside: string, now: number): Promise<void> {
  for (const name of await readdir(dirname(beside))) {
    if (!name.startsWith(basename(beside))) continue;
    const path = join(dirname(beside), name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && now - found.mtimeMs > dayMs) await rm(path, { recursive: true, force: true });
  }
}

class StagingDirectory implements Staging {
  readonly provider: Provider;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor(directory: string, provider: Provider, clock: Clock, signal: AbortSignal) {
    this.#directory = directory;
    this.provider = provider;
    this.#clock = clock;
    this.#signal = signal;
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  async write(name: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StagedFile> {
    return await this.#write(name, Readable.from(pieces), new PassThrough());
  }

  async compress(from: string, name: string): Promise<StagedFile> {
    return await this.#write(name, createReadStream(this.path(from)), createGzip());
  }

  async #write(name: string, from: Readable, by: Duplex): Promise<StagedFile> {
    const hash = createHash('sha256');
    const hashed = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
    const to = createWriteStream(this.path(name), { flags: 'wx', mode: 0o600 });
    await pipeline(from, by, hashed, to, { signal: this.#signal });
    const { size, version } = await this.provider.head(name, this.#signal);
    return { size, version, sha256: hash.digest('hex') };
  }

  async open(name: string): Promise<Catalog> {
    return await openSqliteCatalog({ path: this.path(name), clock: this.#clock });
  }

  async remove(name: string): Promise<void> {
    for (const ending of ['', '-wal', '-shm']) await rm(this.path(name + ending), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.provider.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
