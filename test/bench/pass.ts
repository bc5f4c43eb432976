import { join } from 'node:path';
import type { ReconcileReport } from '../../src/replication/reconcile.ts';
import { holdfast, reconcile } from './holdfast.ts';
import { measure } from './measure.ts';
import { Million, millionSettings } from './million.ts';
import type { Options } from './options.ts';
import type { Peer } from './peers.ts';
import type { World } from './places.ts';
import { profile } from './profile.ts';
import { rclone, type Rclone } from './rclone.ts';
import type { Findings } from './result.ts';
import type { PassScenario } from './scenarios.ts';
import { Series } from './series.ts';
import { syntheticPrefix } from './synthetic.ts';
import type { Usage } from './usage.ts';

/** A pass that finds everything as it was, or one object changed: what it costs, with all objects and with a tenth. */
export async function runPass(
  scenario: PassScenario,
  rclones: readonly Rclone[],
  options: Options,
  room: string,
): Promise<Findings> {
  await using million = await Million.start(join(room, scenario.name));
  const { objects } = scenario;
  const contestants = new Map<string, Contestant>();
  const enter = (contestant: Contestant): void => void contestants.set(contestant.peer.name, contestant);
  enter(await ours(million, holdfast.name, 'all', objects));
  enter(await ours(million, `Holdfast, ${tenthOf(objects).toLocaleString('en')} objects`, 'tenth', tenthOf(objects)));
  for (const [index, one] of rclones.entries()) enter(await theirs(million, one, `rclone-${index}`, objects));
  const series = new Series([...contestants.values()].map(({ peer }) => peer));
  const requests = new Map<string, number>();
  await series.repeat(options.runs, async ({ name }) => {
    const { peer, world } = contestants.get(name) ?? unknown(name);
    if (scenario.changed > 0) await million.change(world);
    million.takeRequests();
    const usage = await peer.run(world);
    requests.set(name, million.takeRequests());
    return usage;
  });
  const { world } = contestants.get(holdfast.name) ?? unknown(holdfast.name);
  if (options.profile) await profile(scenario.name, world, millionSettings);
  return { objects: objects + 1, bytes: 0, peers: series.results(requests), notes };
}

const notes = [
  'The listings are made up while they are read, with the fields that the services give, for a million objects take hours to put there; one object is real.',
  'rclone runs with --checksum --fast-list: otherwise it asks for every object.',
  'No snapshot of the catalog is taken.',
];

interface Contestant {
  readonly peer: Peer;
  readonly world: World;
}

function tenthOf(objects: number): number {
  return Math.ceil(objects / 10);
}

/** The first pass, which copies the real object, is not measured. */
async function ours(million: Million, name: string, bucket: string, objects: number): Promise<Contestant> {
  const world = await million.open(bucket, objects);
  const config = await million.remember(world);
  await million.change(world);
  const run = async (): Promise<Usage> => {
    const program = reconcile(config);
    const { output, ...usage } = await measure([{ ...program, args: [...program.args, '--json'] }]);
    requireWhole(output[0] ?? '', objects + 1);
    return usage;
  };
  await run();
  return { peer: { name, run }, world };
}

async function theirs(million: Million, program: Rclone, bucket: string, objects: number): Promise<Contestant> {
  const world = await million.open(bucket, objects);
  await million.change(world);
  await million.changeCopies(world);
  return { peer: rclone(program, { prefix: syntheticPrefix, extra: ['--checksum', '--fast-list'] }), world };
}

/** @throws Error when the pass did not see all objects, or did not find all but one of them in place. */
function requireWhole(output: string, objects: number): void {
  const [report] = (JSON.parse(output) as { policies: ReconcileReport[] }).policies;
  const right = report?.outcome === 'complete' && report.objects === objects && report.inPlace >= (objects - 1) * 3;
  if (!right || report.copied + report.repaired > 3)
    throw new Error(`the pass went otherwise than it should: ${output}`);
}

function unknown(name: string): never {
  throw new Error(`${name} does not take part`);
}
