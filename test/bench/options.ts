import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { scenarios, type Scenario } from './scenarios.ts';

export interface Options {
  readonly scenarios: readonly Scenario[];
  /** Share of the files (of the bytes, for the largest) to run with; 1 is what BENCHMARKS.md is made of. */
  readonly scale: number;
  /** Paired runs per scenario. */
  readonly runs: number;
  /** Where input and servers' data go. */
  readonly directory: string;
  /** More rclone programs to run against, besides those that are found. */
  readonly rclone: readonly string[];
  /** Count requests, in one more run through proxies. */
  readonly requests: boolean;
  readonly profile: boolean;
  readonly json: boolean;
  /** Write BENCHMARKS.md and its plot. */
  readonly write: boolean;
}

export const usage = `npm run bench -- [options]
  --only <name>     only this scenario; may be repeated: ${scenarios.map(({ name }) => name).join(', ')}
  --scale <share>   of the scenarios' size; default 1
  --runs <n>        paired runs per scenario; default 5
  --rclone <path>   one more rclone to run against; may be repeated
  --requests        count requests too, in a run of its own
  --profile         a CPU profile of Holdfast for each scenario, below data/bench/
  --json            print the results as JSON
  --write           take the results over into BENCHMARKS.md, benchmarks.svg and test/bench/results.json
  --dir <path>      where input and servers' data go; default: the temporary directory`;

/** @throws Error that says what may be asked for. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      scale: { type: 'string', default: '1' },
      runs: { type: 'string', default: '5' },
      rclone: { type: 'string', multiple: true, default: [] },
      requests: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      dir: { type: 'string', default: tmpdir() },
    },
  });
  const { only, scale, runs, dir, ...rest } = values;
  const wanted = { scale: Number(scale), runs: Number(runs) };
  if (!(wanted.scale > 0) || !Number.isInteger(wanted.runs) || wanted.runs < 1) throw new Error(usage);
  return { ...rest, ...wanted, directory: dir, scenarios: only === undefined ? scenarios : only.map(scenarioOf) };
}

function scenarioOf(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`there is no scenario "${name}"\n${usage}`);
  return found;
}
