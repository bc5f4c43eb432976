import type { BigIntStats } from 'node:fs';
import type { Key } from '../../objects/key.ts';
import { isUnicode } from '../../objects/key.ts';
import type { Attributes, CopyRecord } from '../../objects/object.ts';
import { isAttributes, isRecord, parseObject } from '../description.ts';
import type { Directories } from './directories.ts';
import { isErrno } from './errors.ts';
import { sidecarPath } from './layout.ts';
import type { Raw } from './raw.ts';
import { parentOf, pathOf } from './raw.ts';
import type { Root } from './root.ts';
import { TemporaryFile } from './temporary.ts';

export interface SidecarContent {
  readonly attributes: Attributes;
  readonly record: CopyRecord;
}

/**
 * What a plain file cannot hold: an object's attributes and record, as JSON in `.holdfast/meta/`.
 *
 * A sidecar belongs to the file whose size and modification time (in nanoseconds) it names, to no other. Inode and
 * change time are left out on purpose: a copy moved to another disk with `cp -a` or `rsync -a` keeps its record. The
 * price is that two contents of the same size and time cannot be told apart, so `Writer` never lets a sidecar that
 * could match the wrong one of them become durable.
 */
export class Sidecars {
  readonly #root: Root;
  readonly #directories: Directories;

  constructor(root: Root, directories: Directories) {
    this.#root = root;
    this.#directories = directories;
  }

  /** Undefined when there is none, or one that belongs to other bytes. */
  async read(raw: Raw, file: BigIntStats): Promise<SidecarContent | undefined> {
    const text = await this.#readText(raw);
    return text === undefined ? undefined : parse(text, raw, file);
  }

  async exists(raw: Raw): Promise<boolean> {
    return (await this.#root.disk.lstatIfThere(this.#root.at(sidecarPath(raw)))) !== undefined;
  }

  /** Writes it whole and synced, but not in place yet. */
  async prepare(raw: Raw, key: Key, content: SidecarContent, file: BigIntStats): Promise<TemporaryFile> {
    const keyHex = pathOf(raw).toString('hex');
    const identity = {
      key: isUnicode(key) ? key : null,
      keyHex,
      size: Number(file.size),
      mtimeNs: String(file.mtimeNs),
    };
    const prepared = await TemporaryFile.create(this.#root);
    try {
      await prepared.write(Buffer.from(`${JSON.stringify({ ...identity, ...content })}\n`), 0);
      await prepared.sync();
      return prepared;
    } catch (error) {
      await prepared[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Puts a prepared one in place; durable after `sync`. */
  async install(raw: Raw, prepared: TemporaryFile): Promise<void> {
    const path = sidecarPath(raw);
    try {
      await this.#root.disk.rename(prepared.path, this.#root.at(path));
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      await this.#directories.ensure(parentOf(path));
      await this.#root.disk.rename(prepared.path, this.#root.at(path));
    }
    prepared.moved();
  }

  async sync(raw: Raw): Promise<void> {
    await this.#directories.sync(parentOf(sidecarPath(raw)));
  }

  async drop(raw: Raw): Promise<void> {
    await this.#root.disk.unlinkIfThere(this.#root.at(sidecarPath(raw)));
  }

  async #readText(raw: Raw): Promise<string | undefined> {
    try {
      return await this.#root.disk.readText(this.#root.at(sidecarPath(raw)));
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }
}

function parse(text: string, raw: Raw, file: BigIntStats): SidecarContent | undefined {
  // Damaged on the disk: a record is a claim only, and the bytes are judged without it.
  const content = parseObject(text);
  if (content === undefined || content['keyHex'] !== pathOf(raw).toString('hex')) return undefined;
  if (content['size'] !== Number(file.size) || content['mtimeNs'] !== String(file.mtimeNs)) return undefined;
  const { attributes, record } = content;
  return isAttributes(attributes) && isRecord(record) ? { attributes, record } : undefined;
}
