import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ImportedObject } from '../../../src/catalog/import.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import {
  attributes,
  Bench,
  evidence,
  learnt,
  otherSha256,
  policy,
  settlement,
  sha256,
  unavailable,
  verified,
  version,
} from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const proven = { target: 'aws', state: 'verified', version: 'c1', evidence: evidence(), recorded: true } as const;

function imported(key: string, rest: Partial<ImportedObject> = {}): ImportedObject {
  return { key, ...version('v3'), sha256, checksums: { crc32c: '0a0b0c0d' }, attributes, copies: [proven], ...rest };
}

/** Filling a catalog from what the targets hold, and keeping the catalog itself there. */
export function importCases(create: CreateStore): void {
  test('imported: what is proven is verified, all else is due, at every target of the policy', async () => {
    await using bench = await Bench.create(create);
    const gcp = { target: 'gcp', state: 'unproven', version: 'c2', error: unavailable } as const;
    const elsewhere = { target: 'nowhere', state: 'unproven', version: 'c3' } as const;
    await bench.catalog.importObjects(policy, [imported('a', { copies: [proven, gcp, elsewhere] })]);
    expect(await bench.object('a')).toMatchObject({
      ...{ ...version('v3'), state: 'present', sha256, checksums: { crc32c: '0a0b0c0d' }, attributes },
      ...{ observed: null, rejected: null },
    });
    expect(await bench.copy('a')).toMatchObject({
      state: 'verified',
      evidence: evidence(),
      recorded: true,
      dueAt: null,
    });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'unproven', version: 'c2', error: unavailable });
    expect(await bench.copy('a', 'disk')).toMatchObject({ state: 'pending', version: null, evidence: null });
    expect((await bench.object('a')).copies.length).toBe(3);
    expect(await bench.claimOne()).toMatchObject({ targets: ['gcp', 'disk'] });
    expect(await bench.events('a')).toEqual(expect.arrayContaining(['rebuilt', 'aws adopted']));
    const counts = await bench.catalog.counts(policy);
    expect(counts).toMatchObject({ objects: 1, copies: { verified: 1, unproven: 1, pending: 1 }, lost: 0 });
  });

  test('imported: takes the place of what was known, and a lease on that settles nothing', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    const { id } = await bench.object('a');
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    await bench.record({ kind: 'recheck', id, target: 'gcp' });
    const claim = await bench.claimOne();
    bench.tick();
    const damaged = { target: 'gcp', state: 'damaged', version: 'c9', error: unavailable } as const;
    const older = { target: 'disk', state: 'pending', version: 'c0' } as const;
    await bench.catalog.importObjects(policy, [imported('a', { copies: [damaged, older], sha256: null })]);
    expect(await bench.catalog.settle([settlement(claim, { learnt, copies: [verified('gcp')] })])).toEqual([false]);
    expect(await bench.object('a')).toMatchObject({
      id,
      ...version('v3'),
      sha256: null,
      attributes: null,
      observed: null,
    });
    expect(await bench.copy('a')).toMatchObject({ state: 'pending', version: null, evidence: null });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'damaged', version: 'c9', evidence: null });
    expect(await bench.copy('a', 'disk')).toMatchObject({ state: 'pending', version: 'c0' });
    const counts = await bench.catalog.counts(policy);
    expect(counts).toMatchObject({ objects: 1, observed: 0, copies: { verified: 0, damaged: 1, pending: 2 } });
    // The same version, other copies.
    await bench.catalog.importObjects(policy, [imported('a')]);
    expect(await bench.catalog.counts(policy)).toMatchObject({ copies: { verified: 1, damaged: 0, pending: 2 } });
    await bench.catalog.importObjects(policy, [imported('a', { copies: [proven, damaged] })]);
    expect(await bench.catalog.counts(policy)).toMatchObject({ copies: { verified: 1, damaged: 1, pending: 1 } });
  });

  test.each([
    ['a claim', { ...evidence(), method: 'claimed' as const }],
    ['other bytes', evidence(otherSha256)],
  ])('imported: %s proves nothing, and nothing is recorded', async (_, proof) => {
    await using bench = await Bench.create(create);
    const copies = [{ ...proven, evidence: proof }];
    await expect(bench.catalog.importObjects(policy, [imported('a'), imported('b', { copies })])).rejects.toThrow(
      /claimed proves nothing|other bytes/,
    );
    expect(await bench.catalog.counts(policy)).toMatchObject({ objects: 0 });
  });

  test('a copy of the catalog is all of one moment, and bears its identity', async () => {
    await using bench = await Bench.create(create);
    await using directory = await temporary();
    const before = bench.catalog.recorded;
    await bench.addVerified('a');
    expect(bench.catalog.recorded).toBeGreaterThan(before);
    const path = join(directory.path, 'copy.db');
    const copying = bench.catalog.copyTo(path);
    await Promise.all([copying, bench.add('later')]);
    await bench.add('even later');
    await using copy = await openSqliteCatalog({ path, clock: bench.clock });
    expect(await copy.identity()).toBe(await bench.catalog.identity());
    expect(await (await bench.another()).identity()).toBe(await bench.catalog.identity());
    expect((await copy.inspect(policy, 'a'))?.object).toEqual(await bench.object('a'));
    expect(await copy.inspect(policy, 'even later')).toBeUndefined();
    await using other = await Bench.create(create);
    expect(await other.catalog.identity()).not.toBe(await bench.catalog.identity());
  });

  test('word of the snapshots: the newest stored one stays known while later ones fail', async () => {
    await using bench = await Bench.create(create);
    const stored = { takenAt: 5, key: 'k/', size: 7 };
    await bench.catalog.noteSnapshot('aws', { stored });
    await bench.catalog.noteSnapshot('aws', { error: 'full' });
    await bench.catalog.noteSnapshot('disk', { error: 'away' });
    const at = bench.clock.now();
    expect(await (await bench.another()).readSnapshots()).toEqual([
      { target: 'aws', stored, error: { message: 'full', at } },
      { target: 'disk', stored: null, error: { message: 'away', at } },
    ]);
    await bench.catalog.noteSnapshot('aws', { stored: { ...stored, takenAt: 6 } });
    expect((await bench.catalog.readSnapshots())[0]).toMatchObject({ stored: { takenAt: 6 }, error: null });
  });
}

async function temporary(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-copy-'));
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}
