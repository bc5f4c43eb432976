import { constants } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Key } from '../../../src/objects/key.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import type { Attributes, CopyRecord, ObjectInfo } from '../../../src/objects/object.ts';
import type {
  FilesystemOptions,
  FilesystemProvider,
  FilesystemSurroundings,
} from '../../../src/providers/filesystem/filesystem.ts';
import { openFilesystem } from '../../../src/providers/filesystem/filesystem.ts';
import type { ListOptions, Precondition, Provider, StoredCopy } from '../../../src/providers/provider.ts';
import { digestOf } from '../../support/digest.ts';

export const calm: AbortSignal = new AbortController().signal;

/** A new directory: in memory where there is such a place, because thousands of syncs to a disk take a minute. */
export async function newDirectory(): Promise<string> {
  const memory = '/dev/shm';
  const base = await access(memory, constants.W_OK).then(
    () => memory,
    () => tmpdir(),
  );
  return await mkdtemp(join(base, 'holdfast-filesystem-'));
}

/** A connected target in a directory of its own. */
export interface Room extends AsyncDisposable {
  readonly path: string;
  readonly provider: FilesystemProvider;
}

export async function openRoom(
  options: Partial<FilesystemOptions> = {},
  surroundings: FilesystemSurroundings = {},
): Promise<Room> {
  const path = options.path ?? (await newDirectory());
  const provider = openFilesystem({ name: 'disk', ...options, path }, surroundings);
  await provider.connect('target', calm);
  const close = async (): Promise<void> => {
    await provider.close();
    await rm(path, { recursive: true, force: true });
  };
  return { path, provider, [Symbol.asyncDispose]: close };
}

export interface PutChoice {
  readonly attributes?: Attributes;
  readonly precondition?: Precondition;
  readonly modifiedAt?: number;
}

export async function recordOf(bytes: Buffer, modifiedAt = 1_700_000_000_123): Promise<CopyRecord> {
  const { sha256 } = await digestOf(bytes);
  return { sha256, size: bytes.length, sourceVersion: 'v1', sourceModifiedAt: modifiedAt, checksums: { sha256 } };
}

export async function put(
  provider: Provider,
  key: Key,
  text: string | Buffer,
  choice: PutChoice = {},
): Promise<StoredCopy> {
  const bytes = Buffer.from(text);
  const { attributes = noAttributes, precondition, modifiedAt } = choice;
  const record = await recordOf(bytes, modifiedAt);
  const options = { attributes, record, digest: await digestOf(bytes), ...(precondition && { precondition }) };
  return await provider.put(key, bytes, options, calm);
}

export async function readText(provider: Provider, key: Key): Promise<string> {
  await using reader = await provider.read(key, {}, calm);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export interface Listing {
  readonly entries: readonly ObjectInfo[];
  readonly keys: readonly Key[];
  readonly ignored: Readonly<Record<string, string>>;
}

export async function list(provider: Provider, options: ListOptions = {}): Promise<Listing> {
  const entries: ObjectInfo[] = [];
  const ignored: Record<string, string> = {};
  for await (const page of provider.list(options, calm)) {
    entries.push(...page.entries);
    for (const { key, reason } of page.ignored ?? []) ignored[key] = reason;
  }
  return { entries, keys: entries.map((entry) => entry.key), ignored };
}
