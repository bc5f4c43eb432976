import { copyFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { lookedAt } from '../crash/side-by-side.ts';
import type { Desk } from '../support/cli.ts';
import { lookAtBucket, lookAtDirectory, type Look } from './destination.ts';
import { lostBy, type Holdings, type Loss } from './losses.ts';
import { Steps } from './steps.ts';
import { c, keptCatalog, newMachine, policy, sourceName, type World } from './world.ts';

export interface RestoreReport {
  readonly objects: number;
  readonly restored: number;
  readonly failed: number;
  readonly older: number;
  readonly inPlace: number;
  readonly bytes: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly notLookedAt: Readonly<Record<string, string>>;
  readonly problems: readonly { readonly key: string; readonly code: string }[];
}

/** One disaster. */
export interface Trial {
  readonly lost: string;
  readonly predicted: { readonly objects: number; readonly bytes: number };
  /** What the rest of the places, seen from outside, does not have. */
  readonly truly: { readonly objects: number; readonly bytes: number };
  readonly to: 'directory' | 'bucket';
  readonly restored: number;
  readonly failed: number;
  readonly older: number;
  readonly exit: number | null;
  readonly seconds: number;
  /** Seconds of each step. */
  readonly took: Readonly<Record<string, number>>;
  /** Not as promised; each says what. */
  readonly wrong: readonly string[];
}

export async function disaster(world: World, holdings: Holdings, loss: Loss, to: Trial['to']): Promise<Trial> {
  const steps = new Steps();
  const predicted = await steps.take('whatif', foretell(world, loss));
  const bucket = to === 'bucket' ? await world.freshBucket(`back-${loss.names.join('-')}`) : undefined;
  const more = bucket === undefined ? {} : { back: bucket.settings };
  await using machine = await newMachine(world.configWithout(loss.providers, more));
  if (!loss.catalog) await copyFile(world.home.at(keptCatalog), machine.at('catalog.db'));
  const where = bucket === undefined ? ['--to-dir', 'back'] : ['--to', 'back'];
  const { code, report } = await steps.take('restore', restore(machine, where));
  const looking = bucket === undefined ? lookAtDirectory(machine.at('back')) : lookAtBucket(bucket);
  const look = await steps.take('look', looking);
  const gone = lostBy(world, holdings, loss.providers);
  const truly = { objects: gone.length, bytes: sumBytes(world, gone) };
  const missing = missingFromTargets(world, holdings, loss);
  const wrong = [
    ...(await steps.take('compare', unlike(world, look, missing, loss))),
    ...unforetold(predicted, truly),
    ...misreported(report, code, loss, missing),
    ...(loss.catalog ? await rebuilt(machine, where, report, loss, steps) : []),
  ];
  await bucket?.remove();
  const { restored, failed, older } = report;
  const { seconds, took } = steps;
  return {
    lost: loss.names.join(' + '),
    predicted,
    truly,
    to,
    restored,
    failed,
    older,
    exit: code,
    seconds,
    took,
    wrong,
  };
}

export async function restore(machine: Desk, where: readonly string[]) {
  const { code, document: report } = await machine.json<RestoreReport>('restore', policy, ...where, ...c);
  return { code, report };
}

interface Foretold {
  readonly policies: readonly { readonly lost: number; readonly lostBytes: number }[];
}

/** `whatif` is asked before anything is destroyed. Without a provider among the losses there is nothing to ask. */
async function foretell({ home }: World, { providers }: Loss): Promise<Trial['predicted']> {
  if (providers.size === 0) return { objects: 0, bytes: 0 };
  const { code, document } = await home.json<Foretold>('whatif', '--lose', ...providers, ...c);
  const [{ lost, lostBytes } = { lost: -1, lostBytes: -1 }] = document.policies;
  if (code !== (lost === 0 ? 0 : 1)) throw new Error(`whatif exits ${code} with ${lost} objects lost`);
  return { objects: lost, bytes: lostBytes };
}

function sumBytes({ truth }: World, keys: readonly string[]): number {
  return keys.reduce((total, key) => total + (truth.get(key)?.size ?? 0), 0);
}

function unforetold(predicted: Trial['predicted'], truly: Trial['truly']): string[] {
  if (predicted.objects === truly.objects && predicted.bytes === truly.bytes) return [];
  return [`whatif foretold ${JSON.stringify(predicted)}, lost is ${JSON.stringify(truly)}`];
}

/** A restore reads targets only: what the source alone still has is there, where it is, and not among what comes back. */
function missingFromTargets(world: World, holdings: Holdings, { providers }: Loss): ReadonlySet<string> {
  return new Set(lostBy(world, holdings, new Set([...providers, sourceName])));
}

/** Compares what came back with what there was. */
async function unlike(world: World, look: Look, missing: ReadonlySet<string>, loss: Loss): Promise<string[]> {
  const wrong: string[] = [];
  const wanted = [...world.truth].filter(([key]) => !missing.has(key));
  for (const [key] of wanted) if (!look.keys.has(key)) wrong.push(`not restored: ${JSON.stringify(key)}`);
  const there = wanted.filter(([key]) => look.keys.has(key));
  const differences = await lookedAt(there, async ([key, truth]) => [key, await look.differences(key, truth)]);
  for (const [key, found] of differences) wrong.push(...found.map((what) => `${JSON.stringify(key)}: ${what}`));
  for (const key of look.keys) if (!world.truth.has(key)) wrong.push(`never was: ${JSON.stringify(key)}`);
  const disagreements = await look.disagreements(new Map(there.map(([key, { sha256 }]) => [key, sha256])));
  if (disagreements !== '') wrong.push(`after ${loss.names.join(' + ')}: ${disagreements}`);
  return wrong;
}

/** With a catalog every object is accounted for; without one nobody knows of what no copy is left. */
function misreported(
  { failed, older, restored, objects, inPlace, notLookedAt, problems }: RestoreReport,
  code: number | null,
  { providers, catalog }: Loss,
  missing: ReadonlySet<string>,
): string[] {
  const wrong: string[] = [];
  const unseen = lostTargets(providers);
  if (!isDeepStrictEqual(unseen, new Set(Object.keys(notLookedAt))))
    wrong.push(`not looked at: ${Object.keys(notLookedAt).join()}, lost: ${[...unseen].join()}`);
  if (restored + failed + inPlace !== objects) wrong.push('the counts do not add up');
  if (!catalog && failed + older !== missing.size)
    wrong.push(`${failed} failed and ${older} older, missing are ${missing.size}`);
  const named = problems.filter(({ key }) => !missing.has(key));
  if (named.length > 0) wrong.push(`complains of what is there: ${JSON.stringify(named)}`);
  if ((code === 0) !== (objects > 0 && failed + older + unseen.size === 0)) wrong.push(`exit status ${code}`);
  return wrong;
}

function lostTargets(providers: ReadonlySet<string>): Set<string> {
  return new Set([...providers].filter((name) => name !== sourceName));
}

interface Rebuilt {
  readonly policies: readonly {
    readonly damaged: number;
    readonly unreached: readonly string[];
  }[];
}

/** A rebuilt catalog finds at the destination just what the restore without one put there. */
async function rebuilt(
  machine: Desk,
  where: readonly string[],
  first: RestoreReport,
  loss: Loss,
  steps: Steps,
): Promise<string[]> {
  const wrong: string[] = [];
  const { document } = await steps.take('rebuild', machine.json<Rebuilt>('rebuild-catalog', ...c));
  const unseen = lostTargets(loss.providers);
  // Newer versions that fewer places hold than older ones are in dispute: nothing but the source can tell which is right.
  for (const { damaged, unreached } of document.policies) {
    if (damaged > 0) wrong.push(`the rebuild found ${damaged} damaged`);
    if (!isDeepStrictEqual(unseen, new Set(unreached))) wrong.push(`the rebuild did not reach ${unreached.join()}`);
  }
  const { report } = await steps.take('again', restore(machine, where));
  if (report.restored !== 0) wrong.push(`${report.restored} written anew after the rebuild`);
  if (report.inPlace < first.restored) wrong.push(`${report.inPlace} in place, ${first.restored} were restored`);
  return wrong;
}
