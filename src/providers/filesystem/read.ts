import { constants } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { Clock } from '../../objects/clock.ts';
import type { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { ObjectHead } from '../../objects/object.ts';
import { noAttributes } from '../../objects/object.ts';
import type { ObjectReader, ReadOptions } from '../provider.ts';
import type { OpenFile } from './disk.ts';
import { Refusal } from './errors.ts';
import type { Locator } from './locate.ts';
import { rawFromKey } from './raw.ts';
import type { Raw } from './raw.ts';
import type { Root } from './root.ts';
import type { Sidecars } from './sidecar.ts';
import { infoOf, versionOf } from './version.ts';

interface FilesParts {
  readonly root: Root;
  readonly locator: Locator;
  readonly sidecars: Sidecars;
  readonly clock: Clock;
  readonly follow: boolean;
}

/** Reads objects and what is known of them. */
export class Files {
  readonly #parts: FilesParts;

  constructor(parts: FilesParts) {
    this.#parts = parts;
  }

  async head(key: Key): Promise<ObjectHead> {
    const raw = rawFromKey(key);
    const { stat } = await this.#parts.locator.find(raw);
    return await this.#headOf(key, raw, stat);
  }

  /** `failure` makes what goes wrong while the body is read the error of the caller. */
  async read(
    key: Key,
    options: ReadOptions,
    signal: AbortSignal,
    failure: (error: unknown) => ProviderError,
  ): Promise<ObjectReader> {
    const raw = rawFromKey(key);
    const { path } = await this.#parts.locator.find(raw);
    const handle = await this.#parts.root.disk.open(this.#parts.root.at(path), this.#flags);
    try {
      const stat = await this.#settled(handle, signal);
      await this.#parts.root.confirm(stat);
      check(this.#parts.root.shown(path), stat, options);
      const head = await this.#headOf(key, raw, stat);
      const body = bodyOf(handle, this.#parts.root.shown(path), stat, options, signal);
      return { head, body: translated(body, failure), [Symbol.asyncDispose]: () => handle.close() };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #headOf(key: Key, raw: Raw, stat: BigIntStats): Promise<ObjectHead> {
    const content = await this.#parts.sidecars.read(raw, stat);
    return { ...infoOf(key, stat), attributes: noAttributes, ...content };
  }

  /** Without blocking on a pipe that took the file's place meanwhile. */
  get #flags(): number {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    return this.#parts.follow ? flags : flags | constants.O_NOFOLLOW;
  }

  /**
   * A file changed twice within one tick of the filesystem's clock bears one version for two contents. So what was
   * changed just now is read only after that tick: every later change shows in the version.
   */
  async #settled(handle: OpenFile, signal: AbortSignal): Promise<BigIntStats> {
    const { clock } = this.#parts;
    for (let round = 0; ; round += 1) {
      const stat = await handle.stat();
      const wait = tickOf(stat) - (clock.now() - Number(latest(stat) / 1_000_000n));
      if (wait <= 0 || wait > tickOf(stat) || round === maxRounds) return stat;
      await clock.sleep(wait, signal);
    }
  }
}

const maxRounds = 3;
const chunkBytes = 1024 * 1024;

/** Milliseconds: longer than a timer tick, or than the whole (even) seconds of FAT, HFS+ and old NFS servers. */
function tickOf({ mtimeNs, ctimeNs }: BigIntStats): number {
  const wholeSeconds = mtimeNs % 1_000_000_000n === 0n && ctimeNs % 1_000_000_000n === 0n;
  return wholeSeconds ? 2_100 : 20;
}

/** A change moves both times, unless the modification time was set on purpose as Holdfast's copies have it. */
function latest({ mtimeNs, ctimeNs }: BigIntStats): bigint {
  return mtimeNs < ctimeNs ? mtimeNs : ctimeNs;
}

function check(path: string, stat: BigIntStats, { version }: ReadOptions): void {
  if (!stat.isFile()) throw new Refusal('not-found', `${path} is not a file any more.`);
  if (version !== undefined && versionOf(stat) !== version) {
    throw new Refusal('conflict', `${path} is not the version asked for any more: it was changed.`);
  }
}

/** Ends without an error only after every byte asked for, of a file that is still the same. */
async function* bodyOf(
  handle: OpenFile,
  path: string,
  before: BigIntStats,
  { from = 0, to = Infinity }: ReadOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = Math.min(to, Number(before.size));
  if (from >= end) await checkUnchanged(handle, path, before);
  for (let at = from; at < end;) {
    signal.throwIfAborted();
    // A fresh buffer each time: the consumer may keep the chunks.
    const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, end - at));
    const bytesRead = await handle.read(buffer, buffer.length, at, signal);
    if (bytesRead === 0) throw changed(path);
    at += bytesRead;
    if (at === end) await checkUnchanged(handle, path, before);
    signal.throwIfAborted();
    yield buffer.subarray(0, bytesRead);
  }
}

async function checkUnchanged(handle: OpenFile, path: string, before: BigIntStats): Promise<void> {
  if (versionOf(await handle.stat()) !== versionOf(before)) throw changed(path);
}

function changed(path: string): Refusal {
  return new Refusal('conflict', `${path} was changed while it was being read; what was read does not count.`);
}

async function* translated(
  body: AsyncIterable<Uint8Array>,
  failure: (error: unknown) => ProviderError,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    throw failure(error);
  }
}
