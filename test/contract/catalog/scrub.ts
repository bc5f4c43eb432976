import { expect, test } from 'vitest';
import {
  Bench,
  evidence,
  learnt,
  otherSha256,
  policy,
  settlement,
  sha256,
  targets,
  verified,
  version,
} from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const hour = 3_600_000;
const years = 10 * 365 * 24 * hour;

export function scrubCases(create: CreateStore): void {
  const read = (at: number) => ({ ...evidence(), method: 'read' as const, by: 'sha256' as const, at });
  const wrong = { code: 'checksum-mismatch', message: 'its SHA-256 is another one' } as const;

  test('audited: the evidence is taken over; that it was right once more is no event, another method or version is', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const { updatedAt: changedAt } = await bench.copy('a');
    const about = { kind: 'audited', id, target: 'aws', was: 'c1', changedAt, version: 'c1' } as const;
    expect(await bench.record({ ...about, evidence: read(6) })).toBe(1);
    expect(await bench.copy('a')).toMatchObject({ state: 'verified', version: 'c1', evidence: read(6), dueAt: null });
    expect(await bench.record({ ...about, version: 'c2', evidence: read(7) })).toBe(0);
    const now = { changedAt: (await bench.copy('a')).updatedAt };
    expect(await bench.record({ ...about, ...now, version: 'c2', evidence: read(7) })).toBe(1);
    expect(await bench.copy('a')).toMatchObject({ version: 'c2', evidence: read(7) });
    const events = (await bench.events('a')).filter((event) => event.startsWith('aws'));
    expect(events).toEqual(['aws copied', 'aws rechecked', 'aws rechecked']);
  });

  test('audited, wrong: dropped when the copy is not the one that was read any more, or the evidence for other bytes', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const { updatedAt: changedAt } = await bench.copy('a');
    const at = { id, target: 'aws', was: 'c0', changedAt } as const;
    expect(await bench.record({ kind: 'audited', ...at, version: 'c0', evidence: read(5) })).toBe(0);
    expect(await bench.record({ kind: 'wrong', ...at, standing: 'c0', error: wrong })).toBe(0);
    const other = { ...read(5), sha256: otherSha256 };
    expect(await bench.record({ kind: 'audited', ...at, was: 'c1', version: 'c1', evidence: other })).toBe(0);
    await bench.record({ kind: 'missing', id, target: 'aws', asOf: bench.tick() });
    expect(await bench.record({ kind: 'audited', ...at, was: 'c1', version: 'c1', evidence: read(5) })).toBe(0);
    expect(await bench.copy('a')).toMatchObject({ state: 'damaged', evidence: evidence() });
  });

  test('audited, wrong: dropped when the copy changed since, though what stands there bears the same name', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const { updatedAt: changedAt } = await bench.copy('a');
    const about = { id, target: 'aws', was: 'c1', changedAt } as const;
    await bench.record({ kind: 'wrong', ...about, standing: 'c1', error: wrong });
    bench.tick();
    const repaired = verified('aws', 'c1', { ...evidence(), at: 1_650_000_000_001 });
    await bench.catalog.settle([settlement(await bench.claimOne(), { copies: [repaired] })]);
    const before = await bench.copy('a');
    expect(before).toMatchObject({ state: 'verified', version: 'c1' });
    expect(await bench.record({ kind: 'wrong', ...about, standing: 'c1', error: wrong })).toBe(0);
    expect(await bench.record({ kind: 'audited', ...about, version: 'c1', evidence: read(5) })).toBe(0);
    expect(await bench.copy('a')).toEqual(before);
  });

  test('wrong: damaged, due now, naming what stands there', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const { updatedAt: changedAt } = await bench.copy('a');
    const about = { kind: 'wrong', id, was: 'c1', changedAt, error: wrong } as const;
    expect(await bench.record({ ...about, target: 'aws', standing: 'x9' })).toBe(1);
    const now = bench.clock.now();
    expect(await bench.copy('a')).toMatchObject({ state: 'damaged', version: 'x9', dueAt: now, error: wrong });
    expect(await bench.record({ ...about, target: 'gcp', standing: null })).toBe(1);
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'damaged', version: null, dueAt: now });
    expect(await bench.events('a')).toContain('aws damaged');
  });

  test('source damaged: noted once, for the version that was read; the object is lost only without a good copy', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const found = { kind: 'source-read', id, version: 'v1', sha256: otherSha256 } as const;
    expect(await bench.record({ ...found, version: 'v2' })).toBe(0);
    expect(await bench.record(found)).toBe(1);
    expect(await bench.record(found)).toBe(0);
    expect(await bench.events('a')).toContain('source-damaged');
    expect(await bench.catalog.counts(policy)).toMatchObject({ lost: 0, sourceDamaged: 1 });
    const { updatedAt: changedAt } = await bench.copy('a');
    const wrongOnes = targets.map(
      (target) => ({ kind: 'wrong', id, target, was: 'c1', changedAt, standing: null, error: wrong }) as const,
    );
    await bench.record(...wrongOnes);
    expect(await bench.catalog.counts(policy)).toMatchObject({ lost: 1 });
    expect(await bench.record({ ...found, sha256 })).toBe(1);
    expect(await bench.record({ ...found, sha256 })).toBe(0);
    expect(await bench.catalog.counts(policy)).toMatchObject({ lost: 0, sourceDamaged: 0 });
  });

  test('source read: under the version that was read, it undoes no newer observation', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const seen = (version: string) =>
      ({ kind: 'overwritten', id, object: { version, size: 9, modifiedAt: 9 }, asOf: bench.tick() }) as const;
    await bench.record(seen('v9'));
    expect(await bench.record({ kind: 'source-read', id, version: 'v1', found: 'v5', sha256 })).toBe(1);
    expect(await bench.object('a')).toMatchObject({ version: 'v5', observed: { kind: 'overwritten', version: 'v9' } });
    expect(await bench.record({ kind: 'source-read', id, version: 'v5', found: 'v9', sha256 })).toBe(1);
    expect(await bench.object('a')).toMatchObject({ version: 'v9', observed: null });
  });

  test('recorded: kept with the copy until told otherwise', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const copies = [{ ...verified('aws'), recorded: true }, verified('gcp'), { ...verified('disk'), recorded: false }];
    await bench.catalog.settle([settlement(await bench.claimOne(), { learnt, copies })]);
    expect(await bench.copy('a')).toMatchObject({ recorded: true });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ recorded: null });
    expect(await bench.copy('a', 'disk')).toMatchObject({ recorded: false });
    const { id } = await bench.object('a');
    const { updatedAt: changedAt } = await bench.copy('a');
    const about = { kind: 'audited', id, target: 'aws', was: 'c1', changedAt, version: 'c1' } as const;
    expect(await bench.record({ ...about, evidence: read(5) })).toBe(1);
    expect(await bench.copy('a')).toMatchObject({ recorded: true });
  });

  test('the oldest evidence first, at most so many of each target, of verified copies that nobody works on', async () => {
    await using bench = await Bench.create(create);
    for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) {
      const { id } = await bench.addVerified(key);
      const { updatedAt: changedAt } = await bench.copy(key);
      const about = { kind: 'audited', id, was: 'c1', changedAt, version: 'c1' } as const;
      await bench.record({ ...about, target: 'aws', evidence: read(400 - index) });
      await bench.record({ ...about, target: 'gcp', evidence: read(100 + index) });
    }
    const oldest = async (limit: number, ...names: string[]) =>
      (await bench.catalog.oldestEvidence(policy, { targets: names, limit })).map(
        ({ object, target, at }) => `${object.key} ${target} ${at}`,
      );
    expect(await oldest(2, 'aws', 'gcp')).toEqual(['a gcp 100', 'b gcp 101', 'd aws 397', 'c aws 398']);
    expect(await oldest(9, 'aws')).toEqual(['d aws 397', 'c aws 398', 'b aws 399', 'a aws 400']);
    expect(await oldest(1, 'disk')).toHaveLength(1);
    expect(await oldest(9)).toEqual([]);
    const a = await bench.object('a');
    const passesOver = (id: number, target: string): boolean => id === a.id && target === 'gcp';
    const one = { targets: ['aws', 'gcp'], limit: 2, passesOver, most: 1 };
    expect(await bench.catalog.oldestEvidence(policy, one)).toMatchObject([{ object: { key: 'b' }, target: 'gcp' }]);
    const behind = async (at: number, objectId: number) =>
      (
        await bench.catalog.oldestEvidence(policy, { targets, limit: 9, after: new Map([['gcp', { at, objectId }]]) })
      ).flatMap(({ object, target }) => (target === 'gcp' ? object.key : []));
    expect(await behind(100, a.id)).toEqual(['b', 'c', 'd']);
    expect(await behind(100, a.id - 1)).toEqual(['a', 'b', 'c', 'd']);
    const d = await bench.object('d');
    await bench.record({ kind: 'missing', id: d.id, target: 'gcp', asOf: bench.tick() });
    await bench.claim();
    expect(await oldest(9, 'aws')).toEqual(['c aws 398', 'b aws 399', 'a aws 400']);
    bench.clock.advance(60_001);
    expect(await oldest(1, 'aws')).toEqual(['d aws 397']);
    expect(await oldest(9, 'gcp')).toEqual(['a gcp 100', 'b gcp 101', 'c gcp 102']);
  });

  test('the load: all verified copies at the targets and their bytes', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    await bench.addVerified('b');
    await bench.add('c', {}, version('v1', 1000));
    expect(await bench.catalog.scrubLoad(policy, targets)).toEqual({ copies: 6, bytes: 60 });
    expect(await bench.catalog.scrubLoad(policy, ['aws'])).toEqual({ copies: 2, bytes: 20 });
    expect(await bench.catalog.scrubLoad(policy, [])).toEqual({ copies: 0, bytes: 0 });
  });

  test("the turn: one owner's at a time, kept by asking again, free when it runs out", async () => {
    await using bench = await Bench.create(create);
    const { catalog } = bench;
    expect(await catalog.takeScrubTurn(policy, 'me', 1000)).toBe(true);
    bench.clock.advance(600);
    expect(await catalog.takeScrubTurn(policy, 'you', 1000)).toBe(false);
    expect(await catalog.takeScrubTurn(policy, 'me', 1000)).toBe(true);
    bench.clock.advance(999);
    expect(await catalog.takeScrubTurn(policy, 'you', 1000)).toBe(false);
    bench.tick();
    expect(await catalog.takeScrubTurn(policy, 'you', 1000)).toBe(true);
    expect(await catalog.takeScrubTurn(policy, 'me', 1000)).toBe(false);
  });

  test('a clock that was ahead and is right again: nobody waits for a turn, a lease or an hour until then', async () => {
    await using bench = await Bench.create(create);
    const { catalog, clock } = bench;
    await bench.addVerified('a');
    await bench.add('b');
    clock.advance(years);
    await catalog.takeScrubTurn(policy, 'dead', 6 * hour);
    await catalog.noteScrubbed(policy, 1000);
    const { id } = await bench.object('a');
    await bench.record({ kind: 'recheck', id, target: 'aws' });
    expect(await bench.claim()).toHaveLength(2);
    clock.advance(-years);
    expect(await catalog.takeScrubTurn(policy, 'me', 6 * hour)).toBe(true);
    expect(await catalog.takeScrubTurn(policy, 'you', 6 * hour)).toBe(false);
    expect(await catalog.oldestEvidence(policy, { targets: ['gcp'], limit: 1 })).toHaveLength(1);
    expect(await catalog.scrubbedSince(policy, clock.now())).toBe(0);
    await catalog.noteScrubbed(policy, 1);
    clock.advance(years);
    expect(await catalog.scrubbedSince(policy, clock.now())).toBe(0);
  });

  test('what was read: kept by the hour, for two days, also by other processes', async () => {
    await using bench = await Bench.create(create);
    const { catalog, clock } = bench;
    const start = clock.now();
    expect(await catalog.scrubbedSince(policy, 0)).toBe(0);
    await catalog.noteScrubbed(policy, 10);
    await catalog.noteScrubbed(policy, 5);
    clock.advance(hour);
    await (await bench.another()).noteScrubbed(policy, 7);
    expect(await catalog.scrubbedSince(policy, start)).toBe(22);
    expect(await catalog.scrubbedSince(policy, clock.now())).toBe(7);
    clock.advance(48 * hour);
    await catalog.noteScrubbed(policy, 1);
    expect(await catalog.scrubbedSince(policy, 0)).toBe(8);
  });
}
