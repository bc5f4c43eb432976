import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { s3Target } from './bare-targets.ts';
import { countRequests } from './front.ts';
import { holdfast } from './holdfast.ts';
import { bytesOf, keysOf, writeInput } from './inputs.ts';
import type { Options } from './options.ts';
import { bare, limitsOf } from './peers.ts';
import { startPlaces, startSource, type PlacesOptions, type RunningPlaces, type Source, type World } from './places.ts';
import { profile } from './profile.ts';
import { rclone, type Rclone } from './rclone.ts';
import type { Findings } from './result.ts';
import type { CopyScenario } from './scenarios.ts';
import { Series } from './series.ts';
import { sideBySide } from './side-by-side.ts';

/** Above this fake-gcs-server takes minutes and gigabytes for one object (`gcs-uploads.ts`). */
const largestForFakeGcs = 256 * 1024 ** 2;

/** Every peer copies the same objects to servers that are started for it, so that none meets another's leavings. */
export async function runCopy(
  scenario: CopyScenario,
  rclones: readonly Rclone[],
  options: Options,
  room: string,
): Promise<Findings> {
  await using stack = new AsyncDisposableStack();
  const source = await prepareSource(scenario, room, stack);
  const large = scenario.size > largestForFakeGcs;
  const afresh = async <T>(use: (world: World, running: RunningPlaces) => Promise<T>, more: PlacesOptions = {}) =>
    await inFreshWorld(source, room, { large, ...more }, use);
  const copiers = [holdfast, ...rclones.map((one) => rclone(one)), bare];
  const series = new Series([...copiers, ...limitsOf(scenario)]);
  await series.repeat(options.runs, async (peer) => await afresh(peer.run));
  const requests = new Map<string, number>();
  for (const peer of options.requests ? copiers : []) {
    const count = async (world: World, running: RunningPlaces): Promise<number> => {
      await peer.run(world);
      return countRequests(running.fronts);
    };
    requests.set(peer.name, await afresh(count, { fronted: true }));
  }
  if (options.profile) await afresh(async (world) => await profile(scenario.name, world));
  return {
    objects: scenario.files,
    bytes: scenario.files * scenario.size,
    peers: series.results(requests),
    notes: large ? ['For GCS a server of the benchmark takes the large objects: it hashes and drops them.'] : [],
  };
}

async function prepareSource(scenario: CopyScenario, room: string, stack: AsyncDisposableStack): Promise<Source> {
  if (scenario.source === 'filesystem') {
    const path = await mkdtemp(join(room, 'source-'));
    stack.defer(async () => await rm(path, { recursive: true }));
    await writeInput(path, scenario);
    return { kind: 'filesystem', path };
  }
  const server = stack.use(await startSource());
  await server.makeBucket('source');
  const bucket = s3Target(server, 'source');
  await sideBySide(8, keysOf(scenario), async (key) => {
    await bucket.put(key, Buffer.concat([...bytesOf(key, scenario.size)]));
  });
  const { endpoint, accessKeyId, secretAccessKey } = server;
  return { kind: 's3', bucket: 'source', endpoint, accessKeyId, secretAccessKey };
}

async function inFreshWorld<T>(
  source: Source,
  room: string,
  options: PlacesOptions,
  use: (world: World, running: RunningPlaces) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(room, 'run-'));
  try {
    await using running = await startPlaces(directory, options);
    await running.makeBuckets('bench');
    return await use({ source, places: running.places, bucket: 'bench', directory }, running);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
