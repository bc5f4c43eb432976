import { expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/objects/errors.ts';
import type { Operation } from '../../../src/providers/intercept.ts';
import { historyPrefix } from '../../../src/replication/kept-name.ts';
import { readKept } from '../../../src/replication/read-kept.ts';
import { openWorld, type World } from '../../support/engine.ts';
import type { Place } from '../../support/place.ts';
import { seededRandom } from '../../support/random.ts';
import { printedSeed } from '../../support/seed.ts';

const history = 30 * 24 * 3_600_000;
const calm = new AbortController().signal;
const keys = ['a', 'b/c', 'd'];
const codes: readonly ErrorCode[] = ['unavailable', 'denied', 'throttled', 'conflict'];
const operations: readonly Operation[] = ['head', 'read', 'put'];

/** Minds every overwrite at a target: what it replaces, if that was a version of the object, must be kept by then. */
class Witness {
  readonly faults: string[] = [];
  /** Versions that were replaced, as `target key text`. */
  readonly replaced = new Set<string>();
  readonly #versions = new Set<string>();

  wrote(key: string, text: string): void {
    this.#versions.add(`${key} ${text}`);
  }

  mind(place: Place): void {
    let before: string | undefined;
    place.before = ({ operation, key = '' }) => {
      if (operation === 'put' && !key.startsWith(historyPrefix)) before = place.text(key);
    };
    const write = place.bucket.write.bind(place.bucket);
    place.bucket.write = (key, object) => {
      before = place.text(key);
      const stored = write(key, object);
      if (!key.startsWith(historyPrefix) && object.record !== undefined)
        this.#judge(place, key, before, stored.bytes.toString());
      return stored;
    };
  }

  #judge(place: Place, key: string, before: string | undefined, after: string): void {
    if (before === undefined || before === after || !this.#versions.has(`${key} ${before}`)) return;
    this.replaced.add(`${place.name} ${key} ${before}`);
    const kept = place.keys().filter((name) => name.startsWith(historyPrefix));
    if (!kept.some((name) => place.text(name) === before) && !place.bucket.versioning)
      this.faults.push(`${place.name} replaced ${before} of ${key} unkept`);
  }
}

test('after any history of changes, crashes, failures and vandals, every version that was replaced can be read', async () => {
  const random = seededRandom(printedSeed('history'));
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const unguarded = { capabilities: { conditionalWrites: false } };
  const lazy = { capabilities: { attests: {} } };
  await using world = await openWorld({
    targets: { one: {}, unguarded, lazy, versioned: {} },
    policy: { history, guard: { maxChanged: 1, minObjects: 1 }, minCopies: 1 },
  });
  world.target('versioned').bucket.versioning = true;
  const witness = new Witness();
  let count = 0;
  const change = (): void => {
    const [key, text] = [pick(keys), `version ${(count += 1)}`];
    world.source.write(key, text);
    witness.wrote(key, text);
  };
  const fail = (place: Place): void => {
    const [operation, code] = [pick(operations), pick(codes)];
    const when = pick(['before', 'after'] as const);
    place[when] = (call) => {
      if (call.operation === operation && random() < 0.5) throw place.error(code, call.key);
    };
  };
  for (const place of world.targets) witness.mind(place);
  const steps: readonly (() => void)[] = [
    change,
    change,
    () => fail(pick(world.targets)),
    () => fail(pick(world.targets)),
    () => remove(pick(world.targets), pick(keys)),
    () => void pick(world.targets).write(pick(keys), 'foreign'),
    // What rotted before the provider kept it is not read until somebody wants it.
    () => rot(pick(world.targets.filter(({ bucket }) => !bucket.versioning)), pick(keys)),
    () => world.targets.forEach((place) => place.heal()),
  ];
  /** A bucket that keeps versions keeps what is deleted, too. */
  function remove({ bucket }: Place, key: string): void {
    const stored = bucket.objects.get(key);
    if (bucket.versioning && stored !== undefined) bucket.replaced.set(`${stored.version} ${key}`, stored);
    bucket.objects.delete(key);
  }
  function rot(place: Place, key: string): void {
    if (place.bucket.objects.has(key)) place.flip(key);
  }
  for (const key of keys) {
    world.source.write(key, `${key} at first`);
    witness.wrote(key, `${key} at first`);
  }
  await world.reconcile();
  for (let round = 0; round < 40; round += 1) {
    pick(steps)();
    pick(steps)();
    const crash = new AbortController();
    if (random() < 0.3) crashSomewhere(pick(world.targets), crash);
    await world.reconcile({ signal: crash.signal }).catch(() => undefined);
    expect(witness.faults).toEqual([]);
    if (random() < 0.05) await world.loseCatalog();
  }
  function crashSomewhere(place: Place, crash: AbortController): void {
    const operation = pick(operations);
    place[pick(['before', 'after'] as const)] = (call) => {
      if (call.operation !== operation || random() < 0.5) return;
      crash.abort(new Error('crash'));
      throw place.error('aborted', call.key);
    };
  }
  for (const place of world.targets) place.heal();
  await expectReadable(world);
  // Nothing waits for an answer that it did not get: what stands there is all that is known.
  await world.loseCatalog();
  for (let more = 0; more < 4; more += 1) {
    world.clock.advance(2 * 24 * 3_600_000);
    await world.reconcile({ deep: true });
  }
  expect(witness.faults).toEqual([]);
  expect(witness.replaced.size).toBeGreaterThan(5);
  for (const key of keys)
    for (const { name } of world.targets) expect(world.target(name).text(key)).toBe(world.source.text(key));
}, 120_000);

async function expectReadable(world: World): Promise<void> {
  for await (const page of world.catalog.scanKept('p', {})) {
    for (const version of page) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of readKept(version, world.target(version.target).site.provider, calm)) chunks.push(chunk);
      expect(Buffer.concat(chunks)).toHaveLength(version.size);
    }
  }
}
