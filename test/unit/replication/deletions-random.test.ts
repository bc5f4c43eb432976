import { expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/objects/errors.ts';
import { openWorld, type World } from '../../support/engine.ts';
import { seededRandom } from '../../support/random.ts';
import { printedSeed } from '../../support/seed.ts';

const day = 24 * 3_600_000;
const after = 10 * day;
const keys = Array.from({ length: 12 }, (_, n) => `k${n}`);
const codes: readonly ErrorCode[] = ['unavailable', 'denied', 'throttled', 'invalid'];

/** A world that knows since when each object is away from the source, and minds every deletion at a target. */
class Witness {
  readonly awaySince = new Map<string, number>();
  readonly faults: string[] = [];
  deletions = 0;

  mind(world: World): void {
    for (const place of world.targets) {
      place.before = ({ operation, key = '' }) => {
        if (operation === 'delete') this.#judge(world, key);
      };
    }
  }

  #judge(world: World, key: string): void {
    this.deletions += 1;
    const since = this.awaySince.get(key);
    if (world.source.text(key) !== undefined) this.faults.push(`${key} is at the source`);
    else if (since === undefined || world.clock.now() - since < after) this.faults.push(`${key} went just now`);
  }
}

test('after any history of losses, returns and failures, only what was away for long enough was deleted, and all of it', async () => {
  const random = seededRandom(printedSeed('deletions'));
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  await using world = await openWorld({
    policy: { deleteAfter: after, guard: { maxChanged: 1, minObjects: 1 }, minCopies: 1 },
  });
  const witness = new Witness();
  witness.mind(world);
  const lose = (key: string): void => {
    if (world.source.bucket.objects.delete(key)) witness.awaySince.set(key, world.clock.now());
  };
  const give = (key: string): void => {
    world.source.write(key, `${key} ${random()}`);
    witness.awaySince.delete(key);
  };
  const everyDay: readonly (() => void | Promise<void>)[] = [
    () => lose(pick(keys)),
    () => give(pick(keys)),
    () => void (world.source.before = pick([failing('list'), failing('head'), returning()])),
    () => world.source.heal(),
    () => void pick(world.targets).bucket.objects.delete(pick(keys)),
    () => failSome(),
    () => witness.mind(world),
    () => world.catalog.updatePolicy('p', { hold: null }),
  ];
  function failing(operation: 'list' | 'head') {
    const code = pick(codes);
    return (call: { readonly operation: string }): void => {
      if (call.operation === operation) throw world.source.error(code);
    };
  }
  /** Some object comes back just before its source is asked for it. */
  function returning() {
    const back = pick(keys);
    return ({ operation, key }: { readonly operation: string; readonly key?: string }): void => {
      if (operation === 'head' && key === back) give(back);
    };
  }
  function failSome(): void {
    const place = pick(world.targets);
    const code = pick(codes);
    const { before } = place;
    place.before = async (call, signal) => {
      await before(call, signal);
      if (call.operation === 'delete') throw place.error(code);
    };
  }

  for (const key of keys) give(key);
  for (let today = 0; today < 60; today += 1) {
    await pick(everyDay)();
    world.clock.advance((0.5 + random()) * day);
    await world.reconcile();
    expect(witness.faults).toEqual([]);
  }
  world.source.heal();
  witness.mind(world);
  for (let more = 0; more < 3; more += 1) {
    world.clock.advance(0.6 * after);
    await world.reconcile();
  }
  expect(witness.faults).toEqual([]);
  expect(witness.deletions).toBeGreaterThan(0);
  for (const place of world.targets) expect(place.keys()).toEqual(world.source.keys());
  expect(await world.catalog.counts('p')).toMatchObject({ gone: 0, lost: 0, safe: world.source.keys().length });
}, 60_000);
