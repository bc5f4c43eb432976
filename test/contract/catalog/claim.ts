import { expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import type { Claim } from '../../../src/catalog/claims.ts';
import { compareKeys } from '../../../src/objects/key.ts';
import { Bench, claimRequest, learnt, policy, settlement, targets, unavailable, verified, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const years = 10 * 365 * 86_400_000;

export function claimCases(create: CreateStore): void {
  test('a claim has the object and the targets whose copies are due', async () => {
    await using bench = await Bench.create(create);
    const object = await bench.add('a');
    const [claim] = await bench.claim({ targets: ['gcp', 'aws', 'elsewhere'] });
    expect(claim).toMatchObject({ objectId: object.id, policy, source: 'primary', object });
    expect(new Set(claim?.targets)).toEqual(new Set(['aws', 'gcp']));
  });

  test('what is leased is not claimed again before the lease runs out; the new token is greater', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const first = await bench.claimOne({ targets: ['aws'], leaseMs: 1000 });
    const other = await bench.another();
    bench.clock.advance(999);
    expect(await other.claim({ ...claimRequest, owner: 'you' })).toEqual([]);
    bench.tick();
    const [second] = await other.claim({ ...claimRequest, owner: 'you' });
    expect(second?.token).toBeGreaterThan(first.token);
  });

  test.each(['', 'a'])(
    'below "%s", a dead process whose clock was ahead holds nothing, and nothing waits until then',
    async (prefix) => {
      await using bench = await Bench.create(create);
      await bench.add('a');
      bench.clock.advance(years);
      const dueAt = bench.clock.now() + 5000;
      const copies = targets.map((target) => ({ target, state: 'retry' as const, dueAt, error: unavailable }));
      await bench.catalog.settle([settlement(await bench.claimOne(), { copies })]);
      bench.clock.advance(-years);
      const [claim] = await bench.claim({ prefix, leaseMs: 1000 });
      expect(claim?.targets).toHaveLength(3);
      bench.clock.advance(years);
      await bench.claimOne({ prefix });
      bench.clock.advance(-years);
      const free = { due: 3, leased: 0, nextDueAt: null };
      expect(await bench.catalog.outstanding(policy, { prefix, targets })).toEqual(free);
      expect(await bench.claim({ prefix })).toHaveLength(1);
      expect(await bench.claim({ prefix })).toEqual([]);
      expect(await bench.catalog.outstanding(policy, { prefix, targets })).toMatchObject({ due: 0, leased: 1 });
    },
  );

  test('a retry that is due in two days waits for them', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const dueAt = bench.clock.now() + 2 * 86_400_000;
    const copies = targets.map((target) => ({ target, state: 'retry' as const, dueAt, error: unavailable }));
    await bench.catalog.settle([settlement(await bench.claimOne(), { copies })]);
    expect(await bench.claim()).toEqual([]);
    expect(await bench.copy('a')).toMatchObject({ dueAt });
  });

  test('oldest due first, over all targets and policies', async () => {
    await using bench = await Bench.create(create);
    for (const key of ['c', 'a', 'b']) {
      await bench.add(key);
      bench.tick();
    }
    expect(keysOf(await bench.claim({ limit: 2 }))).toEqual(['c', 'a']);
    expect(keysOf(await bench.claim({ limit: 2 }))).toEqual(['b']);
  });

  test('what is due later waits; makeDue calls it in', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a/1');
    await bench.add('b/1');
    const dueAt = bench.clock.now() + 5000;
    for (const claim of await bench.claim()) {
      const copies = targets.map((target) => ({ target, state: 'retry' as const, dueAt, error: unavailable }));
      await bench.catalog.settle([settlement(claim, { copies })]);
    }
    expect(await bench.claim()).toEqual([]);
    expect(await outstanding(bench)).toEqual({ due: 0, leased: 0, nextDueAt: dueAt });
    const before = await bench.copy('b/1');
    await bench.catalog.makeDue(policy, { prefix: 'b/' });
    expect(await bench.copy('b/1')).toEqual({ ...before, dueAt: bench.clock.now() });
    expect(keysOf(await bench.claim())).toEqual(['b/1']);
    await bench.catalog.makeDue(policy, {});
    expect(keysOf(await bench.claim())).toEqual(['a/1']);
  });

  test('makeDue leaves verified copies alone', async () => {
    await using bench = await Bench.create(create);
    const before = await bench.addVerified('a');
    await bench.catalog.makeDue(policy, {});
    expect(await bench.object('a')).toEqual(before);
  });

  test('dueBefore leaves alone what became due later, and never lets anything be claimed early', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const dueBefore = bench.clock.now();
    bench.tick();
    await bench.add('b');
    expect(await bench.catalog.outstanding(policy, { targets, dueBefore })).toMatchObject({ due: 3, leased: 0 });
    const [claim, ...rest] = await bench.claim({ dueBefore });
    expect([claim?.object.key, rest]).toEqual(['a', []]);
    expect(await bench.catalog.outstanding(policy, { targets, dueBefore })).toMatchObject({ due: 0, leased: 1 });
    if (claim === undefined) return;
    const retry = { target: 'aws', state: 'retry', dueAt: bench.clock.now() + 500, error: unavailable } as const;
    await bench.catalog.settle([settlement(claim, { learnt, copies: [retry, verified('gcp'), verified('disk')] })]);
    expect(await bench.catalog.outstanding(policy, { targets, dueBefore })).toMatchObject({ due: 0, leased: 0 });
    expect(keysOf(await bench.claim({ dueBefore: bench.clock.now() + 9999 }))).toEqual(['b']);
  });

  test('below a prefix all that is due is claimed once, be it little or much', async () => {
    await using bench = await Bench.create(create, [{ name: policy, source: 's', targets: ['aws'], minCopies: 1 }]);
    const keys = Array.from({ length: 3000 }, (_, index) => `${index % 2 === 0 ? 'even' : 'odd'}/${index}`);
    await bench.record(...keys.map((key) => ({ kind: 'new' as const, key, object: version('v1'), found: {} })));
    for (const prefix of ['even/', 'odd/']) {
      const expected = keys.filter((key) => key.startsWith(prefix)).sort(compareKeys);
      const claimed = await drain(bench.catalog, prefix);
      expect(claimed.sort(compareKeys)).toEqual(expected);
    }
  });

  test('below a prefix work that was passed over is claimed in the next round', async () => {
    await using bench = await Bench.create(create, [{ name: policy, source: 's', targets: ['aws'], minCopies: 1 }]);
    const keys = ['another', ...Array.from({ length: 2500 }, (_, index) => `k${index}`)];
    await bench.record(...keys.map((key) => ({ kind: 'new' as const, key, object: version('v1'), found: {} })));
    const request = { prefix: 'k', limit: 500, leaseMs: 1000 };
    const first = new Set<string>();
    for (let round = 0; round < 5; round++) for (const key of keysOf(await bench.claim(request))) first.add(key);
    expect(first.size).toBe(2500);
    await bench.add('k1/late');
    expect(keysOf(await bench.claim(request))).toEqual(['k1/late']);
    bench.clock.advance(1000);
    expect(await bench.claim(request)).toHaveLength(500);
  });

  test.each(['', 'k'])(
    'below "%s", unless: what another target waits for is left to it, until it is done',
    async (prefix) => {
      await using bench = await Bench.create(create);
      await bench.add('k1');
      await bench.add('k2');
      const alone = { prefix, targets: ['aws'], unless: ['gcp', 'elsewhere'] };
      expect(await bench.claim(alone)).toEqual([]);
      const first = await bench.claimOne({ prefix, targets: ['gcp'] });
      const dueAt = bench.clock.now() + 5000;
      const retry = { target: 'gcp', state: 'retry', dueAt, error: unavailable } as const;
      await bench.catalog.settle([settlement(first, { copies: [retry] })]);
      const [claim, ...rest] = await bench.claim(alone);
      expect([claim?.object.key, claim?.targets, rest]).toEqual([first.object.key, ['aws'], []]);
      if (claim !== undefined) await bench.catalog.settle([settlement(claim)]);
      // It waits again, and comes first.
      bench.clock.advance(5000);
      expect(await bench.claim(alone)).toEqual([]);
      expect(await bench.claim({ ...alone, unless: [] })).toHaveLength(2);
    },
  );

  test('below a prefix with much due work, what nobody else waits for is found behind what others wait for', async () => {
    await using bench = await Bench.create(create);
    const keys = Array.from({ length: 3000 }, (_, index) => `k${10_000 + index}`);
    await bench.add('another');
    await bench.record(...keys.map((key) => ({ kind: 'new' as const, key, object: version('v1'), found: {} })));
    const last = keys.slice(-20);
    for (const prefix of last) {
      const claim = await bench.claimOne({ prefix, targets: ['gcp'] });
      await bench.catalog.settle([settlement(claim, { learnt, copies: [verified('gcp')] })]);
    }
    const found = new Set<string>();
    const request = { prefix: 'k', targets: ['aws'], unless: ['gcp'], limit: 7 };
    // One claim looks at a part of the keys only.
    for (let round = 0; round < 12; round += 1) {
      const claimed = await bench.claim(request);
      expect(claimed.length).toBeLessThanOrEqual(7);
      for (const key of keysOf(claimed)) found.add(key);
    }
    expect([...found].sort(compareKeys)).toEqual(last);
  });

  test('along: copies that are due at other targets are leased too, but nothing is claimed for them', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const claim = await bench.claimOne({ targets: ['aws', 'disk'] });
    await bench.catalog.settle([settlement(claim, { learnt, copies: [verified('aws'), verified('disk')] })]);
    await bench.add('b');
    const [second, ...rest] = await bench.claim({ targets: ['aws'], along: ['gcp'] });
    expect([second?.object.key, new Set(second?.targets), rest]).toEqual(['b', new Set(['aws', 'gcp']), []]);
  });

  test('two that claim at the same time never get the same object', async () => {
    await using bench = await Bench.create(create);
    const other = await bench.another();
    for (let index = 0; index < 40; index++) await bench.add(`k${index}`);
    const request = { ...claimRequest, limit: 5 };
    const rounds = Array.from({ length: 5 }, () => [bench.catalog.claim(request), other.claim(request)]).flat();
    const claimed = (await Promise.all(rounds)).flatMap(keysOf);
    expect(claimed).toHaveLength(40);
    expect(new Set(claimed).size).toBe(40);
  });

  test('renew extends the lease; a lease that somebody else has got is reported lost', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    await bench.add('b');
    const [a, b] = await bench.claim({ leaseMs: 1000 });
    if (a === undefined || b === undefined) throw new Error('two claims expected');
    bench.clock.advance(900);
    expect(await bench.catalog.renew([a], 1000)).toEqual([]);
    bench.clock.advance(900);
    const [second] = await bench.claim({ owner: 'you' });
    expect(second?.objectId).toBe(b.objectId);
    expect(await bench.catalog.renew([a, b], 1000)).toEqual([b.objectId]);
    await bench.catalog.settle([settlement(a)]);
    expect(await bench.catalog.renew([a], 1000)).toEqual([a.objectId]);
  });

  test('outstanding: due and free, leased, and when to look again', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    await bench.add('b');
    const now = bench.clock.now();
    const claim = await bench.claimOne({ leaseMs: 700 });
    expect(await outstanding(bench)).toEqual({ due: 3, leased: 1, nextDueAt: now + 700 });
    expect(await bench.catalog.outstanding(policy, { targets: ['aws'] })).toMatchObject({ due: 1, leased: 1 });
    expect(await bench.catalog.outstanding(policy, { targets: [] })).toMatchObject({ due: 0, leased: 0 });
    const prefix = claim.object.key;
    expect(await bench.catalog.outstanding(policy, { targets, prefix })).toMatchObject({ due: 0, leased: 1 });
    bench.clock.advance(700);
    expect(await outstanding(bench)).toEqual({ due: 6, leased: 0, nextDueAt: null });
  });

  test('gone objects and those with an undecided change are claimed too', async () => {
    await using bench = await Bench.create(create);
    const objects = [await bench.addVerified('gone'), await bench.addVerified('observed')];
    for (const { id, key } of objects) {
      await bench.record({ kind: 'missing', id, target: 'aws', asOf: bench.tick() });
      await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
      if (key === 'gone') await bench.catalog.decideObserved(policy, 'apply');
    }
    expect(keysOf(await bench.claim()).sort(compareKeys)).toEqual(['gone', 'observed']);
  });
}

async function outstanding(bench: Bench): ReturnType<Catalog['outstanding']> {
  return await bench.catalog.outstanding(policy, { targets });
}

async function drain(catalog: Catalog, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    const claims = await catalog.claim({ ...claimRequest, prefix, leaseMs: 1_000_000 });
    if (claims.length === 0) return keys;
    keys.push(...keysOf(claims));
    const done = claims.map((claim) => settlement(claim, { learnt, copies: [verified('aws')] }));
    await catalog.settle(done);
  }
}

function keysOf(claims: readonly Claim[]): string[] {
  return claims.map((claim) => claim.object.key);
}
