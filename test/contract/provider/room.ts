import { afterAll, beforeAll, expect } from 'vitest';
import type { ErrorCode } from '../../../src/objects/errors.ts';
import { ProviderError } from '../../../src/objects/errors.ts';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys } from '../../../src/objects/key.ts';
import type { Attributes, CopyRecord, ObjectInfo } from '../../../src/objects/object.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import type {
  Capabilities,
  ListOptions,
  Precondition,
  Provider,
  ReadOptions,
  StoredCopy,
} from '../../../src/providers/provider.ts';
import { digestOf } from '../../support/digest.ts';
import type { Expected, OpenedProvider, ProviderFixture } from './fixture.ts';
import { expectedOf } from './fixture.ts';

/** An empty, connected provider that the cases of one `describe` share; each case uses keys of its own. */
export interface Room {
  readonly opened: OpenedProvider;
  readonly provider: Provider;
  readonly capabilities: Capabilities;
  readonly expected: Expected;
}

/** A signal that never aborts. */
export const calm: AbortSignal = new AbortController().signal;

export function roomFor(fixture: ProviderFixture): () => Room {
  let room: Room | undefined;
  beforeAll(async () => {
    room = await openRoom(fixture);
  });
  afterAll(async () => {
    await room?.opened.close();
  });
  return () => {
    if (room === undefined) throw new Error('The room is open only while its cases run.');
    return room;
  };
}

export async function openRoom(fixture: ProviderFixture): Promise<Room> {
  const opened = await fixture.open();
  try {
    const capabilities = await opened.provider.connect('target', calm);
    return { opened, provider: opened.provider, capabilities, expected: expectedOf(fixture) };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** A record with awkward but legal values. */
export async function recordFor(bytes: Uint8Array): Promise<CopyRecord> {
  return {
    ...{ sha256: (await digestOf(bytes)).sha256, size: bytes.length, checksums: await digestOf(bytes) },
    sourceVersion: '"v 1%/ü\u{1F600}"',
    sourceModifiedAt: 1_700_000_000_123,
  };
}

export interface WriteOptions {
  readonly attributes?: Attributes;
  readonly precondition?: Precondition;
  readonly signal?: AbortSignal;
}

/** Puts `bytes` with the right digest and record. */
export async function put(
  provider: Provider,
  key: Key,
  bytes: Buffer | string,
  options: WriteOptions = {},
): Promise<StoredCopy> {
  const body = Buffer.from(bytes);
  const { precondition, attributes = noAttributes, signal = calm } = options;
  const digest = await digestOf(body);
  const record = await recordFor(body);
  return provider.put(key, body, { attributes, record, digest, ...(precondition && { precondition }) }, signal);
}

export async function readAll(provider: Provider, key: Key, options: ReadOptions = {}): Promise<Buffer> {
  await using reader = await provider.read(key, options, calm);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.body) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

/** Everything a listing yields, in its own order. */
export async function collect(
  provider: Provider,
  options: ListOptions = {},
  signal: AbortSignal = calm,
): Promise<ObjectInfo[]> {
  const entries: ObjectInfo[] = [];
  for await (const page of provider.list(options, signal)) entries.push(...page.entries);
  return entries;
}

/** The keys of a listing, sorted: for cases that are not about its order. */
export async function keysIn(provider: Provider, options: ListOptions = {}): Promise<Key[]> {
  return (await collect(provider, options)).map((entry) => entry.key).toSorted(compareKeys);
}

/** Expects the call to fail with a ProviderError of one of `codes` that names the provider. */
export async function expectError(call: Promise<unknown>, ...codes: ErrorCode[]): Promise<ProviderError> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  expect(outcome, `it must fail with ${codes.join(' or ')}`).toHaveProperty('error');
  const error = 'error' in outcome ? outcome.error : undefined;
  if (!(error instanceof ProviderError)) throw new Error('Not a ProviderError', { cause: error });
  expect(codes, `${error.code}: ${error.message}`).toContain(error.code);
  return error;
}

export async function expectAbsent(provider: Provider, key: Key): Promise<void> {
  await expectError(provider.head(key, calm), 'not-found');
  expect(await keysIn(provider, { prefix: key })).not.toContain(key);
}
