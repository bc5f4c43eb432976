import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { compareKeys, type Key } from '../../src/objects/key.ts';
import { seededObjects } from '../support/damage-objects.ts';
import type { Deed, Way } from '../support/damage-plan.ts';
import { rightBytes, wreak, type Scenario } from '../support/damage-scenario.ts';
import type { Kind } from '../support/damage-vandals.ts';
import { fill, openWorld, type Site, type World } from '../support/damage-world.ts';
import { seededRandom } from '../support/random.ts';
import { printedSeed } from '../support/seed.ts';
import { disagreements } from '../support/sha256sum.ts';

const count = 2_000;
const c = ['-c', 'holdfast.yaml'];
const policy = { minCopies: 1, detect: { every: '1s', full: '1h' } };

/**
 * Damage that no listing of these servers shows. PROVIDERS.md ("What only a deep pass finds") has this table, and what
 * is expected of the real services.
 */
const onlyDeep: Readonly<Record<string, Readonly<Partial<Record<Way, readonly Kind[]>>>>> = {
  // Only a deep pass of `verify` reads the source.
  primary: { silent: ['flip', 'swap', 'replace'] },
  disk: { silent: ['metadata'] },
  s3: { silent: ['flip', 'swap', 'replace'], loud: ['metadata'] },
  gcs: { silent: ['flip', 'swap', 'replace'] },
  azure: { silent: ['flip', 'swap', 'replace'] },
};

interface Report {
  readonly problems: readonly { readonly key: Key; readonly provider: string; readonly state: string }[];
  readonly [counts: string]: unknown;
}

interface Status {
  readonly policies: readonly (Readonly<Record<string, unknown>> & {
    readonly lastPass: { finishedAt: number } | null;
  })[];
}

test(
  'damage at every provider, the source included, is named exactly, repaired, and does not spread',
  { timeout: 2_400_000 },
  async () => {
    const random = seededRandom(printedSeed('damage'));
    const objects = seededObjects(random, count);
    await using world = await openWorld(policy);
    await fill(world.desk.at('source'), objects);
    await expectSound(world);

    const scenario = await wreak(world, objects, random);
    const { deeds, changes } = scenario;
    const light = await verify(world);
    expect(named(light.report)).toEqual(damaged(deeds.filter(isListed)));

    const deep = await verify(world, '--deep');
    expect(named(deep.report)).toEqual(damaged(deeds));
    const changed = changes.edited.size + changes.deleted.length;
    expect(deep).toMatchObject({
      code: 1,
      report: { unreadable: 0, unexpected: 0, changed: 0, unnamed: 0, source: { unreadable: 0, changed } },
    });

    await repairByDaemon(world, scenario);
    const after = await verify(world, '--deep');
    expect(named(after.report)).toEqual(damaged(deeds.filter(({ provider }) => provider === 'primary')));
    expect(after).toMatchObject({ code: 1, report: { source: { unreadable: 0, changed: 0 } } });

    const { document } = await world.desk.json<{ policies: unknown }>('reconcile', ...c);
    expect(document.policies).toMatchObject([{ outcome: 'complete', copied: 0, repaired: 0, failed: 0 }]);
    for (const site of world.sites) await expectRight(site, objects, scenario);
    await expectSourceUnwritten(world.desk.at('source'), objects, scenario);
  },
);

async function verify(
  world: World,
  ...more: string[]
): Promise<{ readonly code: number | null; readonly report: Report }> {
  const { code, document } = await world.desk.json<{ policies: [Report] }>('verify', ...more, ...c);
  return { code, report: document.policies[0] };
}

interface Reconciled {
  readonly policies: readonly [Readonly<Record<'objects' | 'copied' | 'inPlace' | 'failed', number>>];
}

/** Everything is copied, and nothing is called damaged that is not. */
async function expectSound(world: World): Promise<void> {
  const copies = count * world.sites.length;
  const { code, document } = await world.desk.json<Reconciled>('reconcile', ...c);
  const [{ objects, copied, inPlace, failed }] = document.policies;
  // On a busy machine a copy whose answer came too late is found in place by the next attempt.
  expect([code, objects, copied + inPlace, failed]).toEqual([0, count, copies, 0]);
  const sound = { problems: [], checked: copies, ok: copies, source: { checked: count, ok: count } };
  expect(await verify(world, '--deep')).toMatchObject({ code: 0, report: sound });
}

/** Until the daemon has looked at the source and nothing is left to do. */
async function repairByDaemon(world: World, { changes, rotten }: Scenario): Promise<void> {
  const started = Date.now();
  const running = world.desk.start(['daemon', ...c]);
  const [, port = ''] = await running.says(/:(\d+)\/health/);
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/status`);
    const { policies } = (await response.json()) as Status;
    const [status] = policies;
    const looked = (status?.lastPass?.finishedAt ?? 0) > started;
    if (looked && status?.['pending'] === 0 && status['damaged'] === 0) {
      const kept = { gone: changes.deleted.length, sourceDamaged: rotten.size };
      expect(status).toMatchObject({ failed: 0, lost: 0, held: 0, ...kept });
      break;
    }
    await delay(250);
  }
  expect(await running.signal('SIGTERM')).toMatchObject({ code: 0 });
}

/** An outside program says so of the bytes; another client says so of what belongs to them. */
async function expectRight(site: Site, objects: ReadonlyMap<Key, Buffer>, { deeds, changes }: Scenario): Promise<void> {
  const right = rightBytes(objects, changes);
  const { directory, files } = await site.laidOut(right.keys());
  const contents = new Map(Array.from(right, ([key, bytes]) => [files.get(key) ?? '', bytes]));
  expect(contents.size).toBe(count);
  expect([site.name, await disagreements(directory, contents)]).toEqual([site.name, '']);
  const ofSite = deeds.filter(({ provider, kind }) => provider === site.name && kind === 'metadata');
  for (const key of ofSite.flatMap(({ keys }) => keys)) {
    const { colour, ...metadata } = await site.metadataOf(key);
    expect([colour, sha256(right.get(key))]).toEqual([
      undefined,
      metadata['holdfast-sha256'] ?? metadata['holdfast_sha256'],
    ]);
  }
}

/** The source's files are what people and rot made of them, and no other file is there. */
async function expectSourceUnwritten(
  directory: string,
  objects: ReadonlyMap<Key, Buffer>,
  { changes, rotten }: Scenario,
): Promise<void> {
  const left = new Map([...objects, ...changes.edited, ...rotten]);
  for (const key of changes.deleted) left.delete(key);
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  expect(entries.filter((entry) => entry.isFile())).toHaveLength(left.size);
  for (const [key, bytes] of left)
    expect([key, sha256(await readFile(join(directory, key)))]).toEqual([key, sha256(bytes)]);
}

function isListed({ provider, way, kind }: Deed): boolean {
  return onlyDeep[provider]?.[way]?.includes(kind) !== true;
}

/** One line for each copy, in order: `state provider key`. */
function damaged(deeds: readonly Deed[]): string[] {
  const lines = deeds.flatMap(({ provider, kind, keys }) =>
    keys.map((key) => `${kind === 'delete' ? 'missing' : 'damaged'} ${provider} ${key}`),
  );
  return lines.sort(compareKeys);
}

function named({ problems }: Report): string[] {
  return problems.map(({ provider, key, state }) => `${state} ${provider} ${key}`).sort(compareKeys);
}

function sha256(bytes: Buffer = Buffer.alloc(0)): string {
  return createHash('sha256').update(bytes).digest('hex');
}
