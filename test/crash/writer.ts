import { mkdir, open, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../src/objects/clock.ts';
import { bytesOf, sizeBy, versionOf, type Version } from './content.ts';

export interface Limits {
  /** Objects present at once, about. */
  readonly objects: number;
  /** Bytes of the largest one. */
  readonly largest: number;
  /** Between two changes, in milliseconds, on the average. */
  readonly pause: number;
}

/**
 * Somebody who goes on using the source, whatever becomes of the daemon: objects come, change, are touched and go. Each
 * appears whole, as careful programs write: beside the directory first, then by a rename.
 */
export class Writer {
  /** What is at the source now. */
  readonly present = new Map<string, Version>();
  /** Every version that ever was, noted before it can be seen. */
  readonly ever = new Map<string, Version[]>();
  readonly counts = { created: 0, overwritten: 0, deleted: 0, touched: 0, bytes: 0 };
  readonly #source: string;
  readonly #beside: string;
  readonly #random: Random;
  readonly #limits: Limits;
  #number = 0;

  constructor(source: string, beside: string, random: Random, limits: Limits) {
    this.#source = source;
    this.#beside = beside;
    this.#random = random;
    this.#limits = limits;
  }

  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.change();
      await delay(2 * this.#random() * this.#limits.pause, undefined, { signal: stop }).catch(() => undefined);
    }
  }

  async change(): Promise<void> {
    const { present } = this;
    const full = present.size / this.#limits.objects;
    const key = [...present.keys()][Math.floor(this.#random() * present.size)];
    const choice = this.#random();
    if (key === undefined || choice > 0.3 + full / 2) return await this.#write(this.#newKey());
    if (choice < 0.1) return await this.#touch(key);
    if (choice < 0.2 + full / 4) return await this.#remove(key);
    await this.#write(key);
  }

  async writeOf(size: number): Promise<void> {
    await this.#write(this.#newKey(), size);
  }

  #newKey(): string {
    this.#number += 1;
    return `d${Math.floor(this.#random() * 8)}/name ${this.#number} ü.bin`;
  }

  async #write(key: string, size = sizeBy(this.#random, this.#limits.largest)): Promise<void> {
    const versions = this.ever.get(key) ?? [];
    const name = `${key} ${versions.length}`;
    const version = versionOf(name, size);
    this.ever.set(key, [...versions, version]);
    await this.#store(key, name, size);
    this.counts[this.present.has(key) ? 'overwritten' : 'created'] += 1;
    this.counts.bytes += size;
    this.present.set(key, version);
  }

  async #store(key: string, name: string, size: number): Promise<void> {
    const path = join(this.#source, key);
    await mkdir(dirname(path), { recursive: true });
    {
      await using file = await open(this.#beside, 'w');
      for (const chunk of bytesOf(name, size)) await file.write(chunk);
    }
    await rename(this.#beside, path);
  }

  async #touch(key: string): Promise<void> {
    const now = new Date();
    await utimes(join(this.#source, key), now, now);
    this.counts.touched += 1;
  }

  async #remove(key: string): Promise<void> {
    await rm(join(this.#source, key));
    this.present.delete(key);
    this.counts.deleted += 1;
  }
}
