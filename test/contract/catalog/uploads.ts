import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/catalog/claims.ts';
import type { IntendedUpload, OrphanClaim, OrphanRequest, UploadNote } from '../../../src/catalog/uploads.ts';
import { keyFromBytes } from '../../../src/objects/key.ts';
import type { CreateStore } from './fixture.ts';
import {
  Bench,
  learnt,
  otherSha256,
  policyRow,
  settlement,
  sha256,
  targets,
  unavailable,
  verified,
  version,
} from './fixture.ts';

const day = 24 * 3_600_000;

function intended(claim: Claim, rest: Partial<IntendedUpload> = {}): IntendedUpload {
  const { key, version: of, size } = claim.object;
  return { target: 'aws', key, version: of, size, partSize: 4, terms: 'as ever', ...rest };
}

/** A claimed object with one upload at `aws`. */
async function begun(bench: Bench, rest: Partial<IntendedUpload> = {}): Promise<{ claim: Claim; id: number }> {
  await bench.add('a');
  const claim = await bench.claimOne();
  const id = await begin(bench, claim, rest);
  return { claim, id };
}

async function begin(bench: Bench, claim: Claim, rest: Partial<IntendedUpload> = {}): Promise<number> {
  const id = await bench.catalog.intendUpload(claim, intended(claim, rest));
  if (id === null) throw new Error('the lease is lost');
  await note(bench, claim, { id, checkpoint: `checkpoint ${id}` });
  return id;
}

async function note(bench: Bench, claim: Claim, ...notes: UploadNote[]): Promise<boolean> {
  return await bench.catalog.noteUploads(claim, notes);
}

/** The work is given up, as a process that died does after its lease. */
async function giveBack(bench: Bench, claim: Claim): Promise<void> {
  await bench.catalog.settle([settlement(claim, { copies: [] })]);
}

async function orphans(bench: Bench, request: Partial<OrphanRequest> = {}): Promise<readonly OrphanClaim[]> {
  const usual = { targets, limit: 100, leaseMs: 60_000, idleSince: bench.clock.now() - 7 * day };
  return await bench.catalog.claimOrphans({ ...usual, ...request });
}

const idsOf = (claims: readonly OrphanClaim[]): number[] => claims.map(({ id }) => id);

export function uploadCases(create: CreateStore): void {
  describe('uploads under way', () => {
    test('are given to whoever claims the object next, with how far they got', async () => {
      await using bench = await Bench.create(create);
      const { claim, id } = await begun(bench);
      const progress = { parts: 2, sha256 };
      expect(await note(bench, claim, { id, progress: { parts: 1, sha256: otherSha256 } })).toBe(true);
      expect(await note(bench, claim, { id, progress })).toBe(true);
      const other = await bench.catalog.intendUpload(claim, intended(claim, { target: 'gcp' }));
      bench.clock.advance(61_000);
      const catalog = await bench.another();
      const [again] = await catalog.claim({ owner: 'next', policies: ['photos'], targets, limit: 1, leaseMs: 60_000 });
      expect(await catalog.uploadsOf(again ?? claim)).toEqual([
        { ...intended(claim, { target: 'gcp' }), id: other, checkpoint: null, progress: null },
        { ...intended(claim), id, checkpoint: `checkpoint ${id}`, progress },
      ]);
    });

    test('keep a key that is no text, and the checkpoint as it is', async () => {
      await using bench = await Bench.create(create);
      const key = keyFromBytes(Buffer.from([0x61, 0xff, 0x00, 0x80]));
      const { claim, id } = await begun(bench, { key });
      await note(bench, claim, { id, checkpoint: '{"path":"/ü?a=b"}' });
      expect(await bench.catalog.uploadsOf(claim)).toMatchObject([{ key, checkpoint: '{"path":"/ü?a=b"}' }]);
      expect(await bench.catalog.checkpointsAt('aws', key)).toEqual(['{"path":"/ü?a=b"}']);
      expect(await bench.catalog.checkpointsAt('aws', null)).toEqual(['{"path":"/ü?a=b"}']);
      expect(await bench.catalog.checkpointsAt('aws', 'a')).toEqual([]);
      expect(await bench.catalog.checkpointsAt('gcp', null)).toEqual([]);
    });

    test('are noted by the newest token only', async () => {
      await using bench = await Bench.create(create);
      const { claim, id } = await begun(bench);
      bench.clock.advance(61_000);
      const newer = await bench.claimOne();
      expect(await bench.catalog.intendUpload(claim, intended(claim))).toBeNull();
      expect(await note(bench, claim, { id, end: 'over' })).toBe(false);
      expect(await note(bench, claim, { id, progress: { parts: 9, sha256 } })).toBe(false);
      expect(await bench.catalog.uploadsOf(newer)).toMatchObject([{ id, progress: null }]);
      expect(await note(bench, newer, { id, progress: { parts: 1, sha256 } })).toBe(true);
      expect(await note(bench, newer, { id: id + 1, checkpoint: 'of nobody' })).toBe(false);
    });

    test('of another object are not touched', async () => {
      await using bench = await Bench.create(create);
      const { claim, id } = await begun(bench);
      await bench.add('b');
      const other = await bench.claimOne();
      expect(await note(bench, other, { id, end: 'over' })).toBe(false);
      expect(await bench.catalog.uploadsOf(other)).toEqual([]);
      expect(await bench.catalog.uploadsOf(claim)).toHaveLength(1);
    });

    test('are dropped with the copy that was made of them, and with no other', async () => {
      await using bench = await Bench.create(create);
      const { claim, id: upload } = await begun(bench);
      const former = await begin(bench, claim, { version: 'v0' });
      const kept = await begin(bench, claim, { key: '.holdfast/history/a' });
      const adopted = await begin(bench, claim, { target: 'gcp' });
      const open = await begin(bench, claim, { target: 'disk' });
      const retry = { target: 'disk', state: 'retry', dueAt: bench.clock.now(), error: unavailable } as const;
      const found = { ...verified('gcp'), event: 'adopted' } as const;
      await bench.catalog.settle([
        settlement(claim, { learnt, copies: [{ ...verified('aws'), upload }, found, retry] }),
      ]);
      expect(await bench.catalog.checkpointsAt('aws', null)).toHaveLength(2);
      expect(idsOf(await orphans(bench))).toEqual([former, kept, adopted]);
      expect(await bench.catalog.uploadsOf(await bench.claimOne())).toMatchObject([{ id: open }]);
    });

    test('are left to be thrown away by a copy that was made without them', async () => {
      await using bench = await Bench.create(create);
      const { claim, id } = await begun(bench);
      await bench.catalog.settle([settlement(claim, { learnt, copies: targets.map((target) => verified(target)) })]);
      expect(idsOf(await orphans(bench))).toEqual([id]);
    });
  });

  describe('orphans', () => {
    test('are none while the upload is wanted, and after a week without progress', async () => {
      await using bench = await Bench.create(create);
      const { claim, id } = await begun(bench);
      await giveBack(bench, claim);
      expect(await orphans(bench)).toEqual([]);
      bench.clock.advance(6 * day);
      const next = await bench.claimOne();
      await note(bench, next, { id, progress: { parts: 1, sha256 } });
      await giveBack(bench, next);
      bench.clock.advance(6 * day);
      expect(await orphans(bench)).toEqual([]);
      bench.clock.advance(2 * day);
      expect(await orphans(bench)).toMatchObject([{ id, target: 'aws', key: 'a', checkpoint: `checkpoint ${id}` }]);
    });

    test('are those never known to have begun, once nobody is at work', async () => {
      await using bench = await Bench.create(create);
      await bench.add('a');
      const claim = await bench.claimOne();
      const startedAt = bench.clock.now();
      const id = await bench.catalog.intendUpload(claim, intended(claim));
      expect(await orphans(bench)).toEqual([]);
      expect(await bench.catalog.checkpointsAt('aws', 'a'), 'it may be beginning').toEqual([null]);
      bench.clock.advance(61_000);
      const known = { id, token: 1, target: 'aws', key: 'a', checkpoint: null };
      expect(await orphans(bench)).toEqual([{ ...known, startedAt, unanswered: 1 }]);
      expect(await bench.catalog.checkpointsAt('aws', 'a')).toEqual([]);
      expect(await bench.catalog.uploadsOf(claim), 'it is being thrown away').toEqual([]);
      expect(await note(bench, claim, { id: id ?? 0, checkpoint: 'late' }), 'too late').toBe(false);
    });

    test('are those given up, lease or not', async () => {
      await using bench = await Bench.create(create);
      const { claim, id } = await begun(bench);
      await note(bench, claim, { id, end: 'given-up' });
      expect(await bench.catalog.uploadsOf(claim)).toEqual([]);
      expect(idsOf(await orphans(bench))).toEqual([id]);
    });

    test('are those of another version, of an object that is forgotten, and of a target that was removed', async () => {
      await using bench = await Bench.create(create);
      const { claim, id } = await begun(bench);
      const { objectId } = claim;
      const gcp = await begin(bench, claim, { target: 'gcp' });
      await giveBack(bench, claim);
      await bench.catalog.syncPolicies([{ ...policyRow, targets: ['aws', 'disk'] }], { forget: true });
      expect(idsOf(await orphans(bench))).toEqual([gcp]);
      const asOf = bench.tick();
      await bench.record({ kind: 'overwritten', id: objectId, object: version('v2'), asOf });
      expect(idsOf(await orphans(bench))).toEqual([id]);
    });

    test('are claimed by one at a time, at the targets asked for, and forgotten by whoever holds the claim', async () => {
      await using bench = await Bench.create(create);
      const { claim, id } = await begun(bench);
      await note(bench, claim, { id, end: 'given-up' });
      expect(await orphans(bench, { targets: ['gcp'] })).toEqual([]);
      const [first] = await orphans(bench);
      expect(await orphans(bench)).toEqual([]);
      bench.clock.advance(61_000);
      const [second] = await orphans(bench);
      await bench.catalog.forgetUploads(first === undefined ? [] : [first]);
      expect(await bench.catalog.checkpointsAt('aws', null)).toHaveLength(1);
      await bench.catalog.forgetUploads(second === undefined ? [] : [second]);
      expect(await bench.catalog.checkpointsAt('aws', null)).toEqual([]);
    });
  });
}
