import { describe, expect, test } from 'vitest';
import type { ExpiredClaim, KeptVersion } from '../../../src/catalog/kept.ts';
import { keyFromBytes, type Key } from '../../../src/objects/key.ts';
import type { CreateStore } from './fixture.ts';
import {
  attributes,
  Bench,
  evidence,
  learnt,
  otherSha256,
  policy,
  policyRow,
  settlement,
  sha256,
  targets,
  verified,
} from './fixture.ts';

const day = 24 * 3_600_000;

/** Kept at the bench's time for thirty days. */
function version(bench: Bench, key: Key, rest: Partial<KeptVersion> = {}): KeptVersion {
  const now = bench.clock.now();
  return {
    ...{ key, target: 'aws', size: 10, sha256, attributes },
    place: { by: 'holdfast', key: `.holdfast/history/${key.length}`, version: 'k1' },
    ...{ sourceVersion: 'v1', modifiedAt: 1_600_000_000_000.5, replacedAt: now, expiresAt: now + 30 * day },
    evidence: evidence(),
    ...rest,
  };
}

/** The same before it is there. */
function intended(bench: Bench, key: Key): KeptVersion {
  const place = { by: 'holdfast', key: `.holdfast/history/${key.length}`, version: null } as const;
  return version(bench, key, { place, evidence: null });
}

async function claim(bench: Bench, request: { readonly targets?: readonly string[]; readonly limit?: number } = {}) {
  return await bench.catalog.claimExpired({ policy, targets, limit: 100, leaseMs: 60_000, ...request });
}

const keysOf = (claims: readonly ExpiredClaim[]): Key[] => claims.map(({ kept }) => kept.key);

async function scanned(bench: Bench, prefix = ''): Promise<KeptVersion[]> {
  const found: KeptVersion[] = [];
  for await (const page of bench.catalog.scanKept(policy, { prefix })) found.push(...page);
  return found;
}

export function keptCases(create: CreateStore): void {
  describe('kept versions', () => {
    test('are given as they were noted, to every process, newest first', async () => {
      await using bench = await Bench.create(create);
      const first = version(bench, 'a');
      bench.tick();
      const place = { by: 'provider', id: 'id 1', version: 'c7' } as const;
      const second = version(bench, 'a', { target: 'gcp', sha256: otherSha256, place, sourceVersion: null });
      const kept = { ...second, modifiedAt: null, evidence: evidence(otherSha256) };
      for (const each of [first, kept]) expect(await bench.catalog.noteKept(policy, each)).toBe(true);
      expect(await (await bench.another()).keptOf(policy, 'a')).toEqual([kept, first]);
      expect(await bench.catalog.keptOf(policy, 'b')).toEqual([]);
    });

    test('are claimed and noted again where a process died while its clock was ahead', async () => {
      await using bench = await Bench.create(create);
      await bench.catalog.noteKept(policy, version(bench, 'a'));
      bench.clock.advance(4000 * day);
      expect(await claim(bench)).toHaveLength(1);
      bench.clock.advance(-3960 * day);
      expect(keysOf(await claim(bench))).toEqual(['a']);
      bench.clock.advance(4000 * day);
      expect(await claim(bench)).toHaveLength(1);
      bench.clock.advance(-4000 * day);
      expect(await bench.catalog.noteKept(policy, version(bench, 'a'))).toBe(true);
    });

    test('stay while somebody works on their object: what replaces them may take longer than they are kept', async () => {
      await using bench = await Bench.create(create);
      await bench.add('a');
      await bench.catalog.noteKept(policy, version(bench, 'a', { expiresAt: bench.clock.now() + 10 }));
      await bench.claimOne();
      bench.clock.advance(30_000);
      expect(await claim(bench)).toEqual([]);
      bench.clock.advance(31_000);
      expect(keysOf(await claim(bench))).toEqual(['a']);
    });

    test('stay from when they are known to be replaced: what replaced them may have taken long; older ones stay as they were', async () => {
      await using bench = await Bench.create(create);
      const { id } = await bench.addVerified('a');
      const older = version(bench, 'a', { place: { by: 'provider', id: 'older', version: 'c0' } });
      await bench.catalog.noteKept(policy, older);
      bench.tick();
      const object = { version: 'v2', size: 20, modifiedAt: 1_600_000_000_001 };
      await bench.record({ kind: 'overwritten', id, object, asOf: bench.tick() });
      await bench.catalog.decideObserved(policy, 'apply');
      const lease = await bench.claimOne();
      const elsewhere = version(bench, 'a', { target: 'gcp' });
      const replaced = version(bench, 'a');
      for (const kept of [elsewhere, replaced]) await bench.catalog.noteKept(policy, kept);
      const now = bench.clock.advance(50_000);
      const copies = [verified('aws', 'c2', evidence(otherSha256))];
      await bench.catalog.settle([settlement(lease, { learnt: { ...learnt, sha256: otherSha256 }, copies })]);
      const renewed = { ...replaced, expiresAt: now + 30 * day };
      expect(await bench.catalog.keptOf(policy, 'a')).toEqual([renewed, elsewhere, older]);
    });

    test('that shall be kept are not given before they are', async () => {
      await using bench = await Bench.create(create);
      expect(await bench.catalog.noteKept(policy, intended(bench, 'a'))).toBe(true);
      expect(await bench.catalog.keptOf(policy, 'a')).toEqual([]);
      expect(await scanned(bench)).toEqual([]);
      await bench.catalog.noteKept(policy, version(bench, 'a'));
      expect(await scanned(bench)).toEqual([version(bench, 'a')]);
    });

    test('noted again at the same place are one, whose time begins anew, and stay known as kept', async () => {
      await using bench = await Bench.create(create);
      await bench.catalog.noteKept(policy, version(bench, 'a'));
      bench.tick();
      await bench.catalog.noteKept(policy, intended(bench, 'a'));
      expect(await bench.catalog.keptOf(policy, 'a')).toEqual([version(bench, 'a')]);
    });

    test('are told in the history of the object, once, and so is what was not kept', async () => {
      await using bench = await Bench.create(create);
      await bench.addVerified('a');
      const before = await bench.events('a');
      for (let time = 0; time < 2; time += 1) {
        await bench.catalog.noteKept(policy, intended(bench, 'a'));
        await bench.catalog.noteKept(policy, version(bench, 'a'));
        await bench.catalog.noteNotKept(policy, 'a', 'gcp', 'it is foreign');
      }
      expect(await bench.events('a')).toEqual([...before, 'aws kept', 'gcp not-kept']);
    });

    test('that were only said to be kept come to their end too', async () => {
      await using bench = await Bench.create(create);
      await bench.catalog.noteKept(policy, intended(bench, 'a'));
      await bench.catalog.noteNotKept(policy, 'a', 'aws', 'it is damaged');
      bench.clock.advance(31 * day);
      expect(await claim(bench)).toMatchObject([{ kept: { key: 'a', evidence: null } }]);
    });

    test('outlive their object and a target that left the policy', async () => {
      await using bench = await Bench.create(create);
      const { id } = await bench.addVerified('a');
      await bench.catalog.noteKept(policy, version(bench, 'a'));
      await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
      await bench.catalog.decideObserved(policy, 'apply');
      const until = bench.tick();
      const request = { owner: 'me', policy, targets, until, limit: 1, leaseMs: 1000 };
      const [gone] = await bench.catalog.claimGone(request);
      if (gone === undefined) throw new Error('nothing is gone');
      const deleted = { outcome: 'deleted', version: 'c1', detail: '' } as const;
      const copies = targets.map((target) => ({ target, ...deleted }));
      expect(await bench.catalog.settleDeletions([{ ...gone, copies }])).toEqual(['forgotten']);
      await bench.catalog.syncPolicies([{ ...policyRow, targets: ['gcp', 'disk'] }], { forget: true });
      expect(await bench.catalog.keptOf(policy, 'a')).toMatchObject([{ target: 'aws' }]);
    });

    test('are scanned in the byte order of their keys, below a prefix where asked', async () => {
      await using bench = await Bench.create(create);
      const keys = ['b/\u{1F600}', 'b/\uff01', 'a', 'b/', 'c', keyFromBytes(Buffer.from([0x62, 0x2f, 0xff]))];
      for (const key of keys) await bench.catalog.noteKept(policy, version(bench, key));
      const sorted = ['a', 'b/', 'b/\uff01', 'b/\u{1F600}', keys[5], 'c'];
      expect((await scanned(bench)).map(({ key }) => key)).toEqual(sorted);
      expect((await scanned(bench, 'b/')).map(({ key }) => key)).toEqual(sorted.slice(1, 5));
    });

    test('more than a page holds are scanned whole', async () => {
      await using bench = await Bench.create(create);
      const place = (n: number) => ({ by: 'provider', id: `${n}`, version: 'c' }) as const;
      const noting = Array.from({ length: 2_100 }, async (_, n) => {
        const key = `k${String(n % 1_050).padStart(4, '0')}`;
        await bench.catalog.noteKept(policy, version(bench, key, { place: place(n) }));
      });
      await Promise.all(noting);
      const found = await scanned(bench);
      expect(found).toHaveLength(2_100);
      expect(new Set(found.map(({ key }) => key)).size).toBe(1_050);
    });

    test('whose time is over are claimed, oldest first, by one at a time, at the targets asked for', async () => {
      await using bench = await Bench.create(create);
      await bench.catalog.noteKept(policy, version(bench, 'a', { target: 'gcp' }));
      bench.tick();
      await bench.catalog.noteKept(policy, version(bench, 'bb'));
      await bench.catalog.noteKept(policy, intended(bench, 'ccc'));
      bench.clock.advance(30 * day - 1);
      expect(keysOf(await claim(bench))).toEqual(['a']);
      bench.tick();
      expect(keysOf(await claim(bench, { targets: ['disk'] }))).toEqual([]);
      expect(keysOf(await claim(bench, { limit: 1 }))).toEqual(['bb']);
      expect(keysOf(await claim(bench))).toEqual(['ccc']);
      expect(await claim(bench)).toEqual([]);
      bench.clock.advance(60_001);
      expect(keysOf(await claim(bench))).toEqual(['a', 'bb', 'ccc']);
    });

    test('that are claimed cannot be noted anew until the claim is over; then a late answer forgets nothing', async () => {
      await using bench = await Bench.create(create);
      await bench.catalog.noteKept(policy, version(bench, 'a'));
      bench.clock.advance(31 * day);
      const claims = await claim(bench);
      expect(await bench.catalog.noteKept(policy, version(bench, 'a'))).toBe(false);
      bench.clock.advance(60_001);
      expect(await bench.catalog.noteKept(policy, version(bench, 'a'))).toBe(true);
      await bench.catalog.forgetKept(claims);
      expect(await bench.catalog.keptOf(policy, 'a')).toHaveLength(1);
    });

    test('that were deleted are forgotten', async () => {
      await using bench = await Bench.create(create);
      await bench.catalog.noteKept(policy, version(bench, 'a'));
      bench.clock.advance(31 * day);
      await bench.catalog.forgetKept(await claim(bench));
      expect(await bench.catalog.keptOf(policy, 'a')).toEqual([]);
      bench.clock.advance(day);
      expect(await claim(bench)).toEqual([]);
      expect(await bench.catalog.noteKept(policy, version(bench, 'a'))).toBe(true);
    });

    test('of one policy are nothing to another', async () => {
      await using bench = await Bench.create(create, [policyRow, { ...policyRow, name: 'other' }]);
      await bench.catalog.noteKept('other', version(bench, 'a'));
      bench.clock.advance(31 * day);
      expect(await scanned(bench)).toEqual([]);
      expect(await claim(bench)).toEqual([]);
    });
  });
}
