import PQueue from 'p-queue';
import { seededRandom } from '../support/random.ts';
import { liveThrough, type Pass } from './history.ts';
import { killedHalfWay, type Killed } from './killed.ts';
import { holdingsOf, lossesOf } from './losses.ts';
import { plan } from './objects.ts';
import { rebuildAndReconcile, type Rebuilt } from './rebuilt.ts';
import { disaster, type Trial } from './trial.ts';
import { Steps } from './steps.ts';
import { openWorld, type SourceKind } from './world.ts';

export interface DisasterOptions {
  readonly seed: number;
  readonly objects: number;
  /** Bytes of the largest. */
  readonly largest: number;
  readonly source: SourceKind;
  /** Which losses, as `host + s3`; default: each and every pair. */
  readonly losses?: readonly string[];
  readonly onStep?: (step: string) => void;
}

export interface DisasterReport {
  readonly objects: number;
  readonly bytes: number;
  readonly places: readonly string[];
  readonly passes: readonly Pass[];
  readonly trials: readonly Trial[];
  readonly killed: Killed;
  /** After the loss of the catalog, and of catalog and disk together. */
  readonly rebuilt: readonly Rebuilt[];
  /** Seconds of each step. */
  readonly took: Readonly<Record<string, number>>;
  /** Everything that was not as promised. */
  readonly wrong: readonly string[];
}

/** Fills four providers, destroys one thing or two, brings back what is left, and compares: again and again. */
export async function disasters(options: DisasterOptions): Promise<DisasterReport> {
  const { seed, objects, largest, source, losses, onStep = () => undefined } = options;
  await using world = await openWorld(source);
  const steps = new Steps();
  const passes = await steps.take('filling', liveThrough(world, plan(seededRandom(seed), objects, largest)));
  for (const pass of passes) onStep(JSON.stringify(pass));
  const holdings = await steps.take('holdings', holdingsOf(world));
  const killed = await steps.take('killed', killedHalfWay(world, holdings));
  onStep(JSON.stringify(killed));
  const wanted = lossesOf(world).filter(({ names }) => losses?.includes(names.join(' + ')) !== false);
  // They only read the places, and a good part of each is waiting for somebody who does not answer.
  const queue = new PQueue({ concurrency: 3 });
  const trying = wanted.map(
    async (loss) =>
      await queue.add(async () => {
        const trial = await disaster(world, holdings, loss, loss.names.includes('s3') ? 'bucket' : 'directory');
        onStep(JSON.stringify(trial));
        return trial;
      }),
  );
  const trials = await steps.take('trials', Promise.all(trying));
  const rebuilt: Rebuilt[] = [];
  for (const disk of [false, true]) {
    rebuilt.push(await steps.take(disk ? 'rebuilt, the disk lost' : 'rebuilt', rebuildAndReconcile(world, disk)));
    onStep(JSON.stringify(rebuilt.at(-1)));
  }
  const wrong = [
    ...trials.flatMap(({ lost, wrong }) => wrong.map((what) => `${lost}: ${what}`)),
    ...killed.wrong.map((what) => `killed: ${what}`),
    ...rebuilt.flatMap(({ wrong }) => wrong.map((what) => `rebuilt: ${what}`)),
  ];
  const bytes = [...world.truth.values()].reduce((sum, { size }) => sum + size, 0);
  const places = world.places.map(({ name }) => name);
  return { objects: world.truth.size, bytes, places, passes, trials, killed, rebuilt, took: steps.took, wrong };
}
