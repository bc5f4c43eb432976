import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../support/random.ts';
import { differences, Watch, type Differences } from './compare.ts';
import { Daemon } from './daemon.ts';
import { openPlaces, type Place } from './places.ts';
import { Writer, type Limits } from './writer.ts';

export interface CrashOptions extends Limits {
  readonly seed: number;
  readonly kills: number;
  /** The longest that a daemon lives, in milliseconds. Most live shorter. */
  readonly life: number;
  /** How long everything may take to be in place once nobody kills any more, in milliseconds. */
  readonly settle: number;
  readonly onKill?: (kills: number, writer: Writer) => void;
}

export interface CrashReport {
  readonly kills: number;
  readonly places: readonly string[];
  readonly writes: Writer['counts'];
  readonly objects: number;
  /** Times that a file which could be seen at a place was looked at while the daemon was dead. */
  readonly looks: number;
  /** What was seen then that no version ever was. */
  readonly halfWritten: readonly string[];
  readonly lost: readonly string[];
  readonly wrong: readonly string[];
  /** Unfinished writes that stand at the places, by place: the daemon takes away what it can tell to be its own, in time. */
  readonly leftovers: Readonly<Record<string, number>>;
  /** Of the last daemon, after SIGTERM. */
  readonly exit: number | null;
}

/** Kills the daemon again and again while objects come, change and go; then lets it finish, and compares from outside. */
export async function crashAndCompare(options: CrashOptions): Promise<CrashReport> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-crash-'));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const places = await openPlaces(directory, stack);
  const source = join(directory, 'source');
  await mkdir(source);
  await writeFile(join(directory, 'holdfast.yaml'), JSON.stringify(configOf(source, places)));
  const random = seededRandom(options.seed);
  const writer = new Writer(source, join(directory, 'being-written'), random, options);
  const daemon = new Daemon(directory);
  const watch = new Watch(writer);
  const halfWritten = await killAll(options, { daemon, writer, watch, places, random });
  daemon.start();
  try {
    await daemon.settled(options.settle, writer.present.size);
  } catch (error) {
    await daemon.kill();
    throw error;
  }
  // On a busy machine the killed ones may have come to nothing that could be seen.
  for (const place of places) halfWritten.push(...(await watch.look(place)));
  const exit = await daemon.stop();
  const told: Differences[] = [];
  for (const place of places) told.push(await differences(place, writer));
  const leftovers = await Promise.all(
    places.map(async (place) => [place.name, (await place.leftovers()).length] as const),
  );
  return {
    kills: options.kills,
    places: places.map(({ name }) => name),
    writes: writer.counts,
    objects: writer.present.size,
    looks: watch.looks,
    halfWritten,
    lost: told.flatMap(({ lost }) => lost),
    wrong: told.flatMap(({ wrong }) => wrong),
    leftovers: Object.fromEntries(leftovers),
    exit,
  };
}

interface Cast {
  readonly daemon: Daemon;
  readonly writer: Writer;
  readonly watch: Watch;
  readonly places: readonly Place[];
  readonly random: () => number;
}

async function killAll(options: CrashOptions, { daemon, writer, watch, places, random }: Cast): Promise<string[]> {
  const wrong: string[] = [];
  const over = new AbortController();
  await writer.writeOf(options.largest);
  const writing = writer.run(over.signal);
  try {
    for (let kills = 1; kills <= options.kills; kills += 1) {
      daemon.start();
      // Some die before they are well up, some live long enough to finish large objects.
      if (random() < 0.1) await delay(1_000 * random());
      else await daemon.up().then(async () => await delay(options.life * random() ** 2));
      await daemon.kill();
      for (const place of places) wrong.push(...(await watch.look(place)));
      options.onKill?.(kills, writer);
    }
  } finally {
    over.abort();
    await writing;
  }
  return wrong;
}

function configOf(source: string, places: readonly Place[]): object {
  return {
    catalog: 'sqlite:./catalog.db',
    providers: {
      primary: { type: 'filesystem', path: source },
      ...Object.fromEntries(places.map(({ name, settings }) => [name, settings])),
    },
    policies: [
      {
        name: 'docs',
        source: 'primary',
        targets: places.map(({ name }) => name),
        minCopies: 1,
        detect: { every: '1s', full: '5s' },
        // What is tried here is crashes; changes of many objects at once are meant.
        guard: { maxChanged: '100%', minObjects: 1_000_000 },
      },
    ],
    http: { listen: '127.0.0.1:0' },
    limits: { memory: '128MiB' },
  };
}
