import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runAnswers } from './answers.ts';
import { circumstances } from './circumstances.ts';
import { runCopy } from './copy.ts';
import { build } from './holdfast.ts';
import { parseOptions, type Options } from './options.ts';
import { runPass } from './pass.ts';
import { findRclones, type Rclone } from './rclone.ts';
import { writeReport } from './report.ts';
import type { Findings, ScenarioResult } from './result.ts';
import { scaled, titleOf, type Scenario } from './scenarios.ts';
import { markdownOf } from './table.ts';

/**
 * Runs the scenarios of `scenarios.ts`, each with Holdfast and with what it is held against in turn, and prints medians
 * and ratios. The options are in `options.ts`.
 */
const args = process.argv.slice(2);
const options = parseOptions(args);
const { found, missing } = findRclones(options.rclone);
for (const name of missing) console.error(`Not found, so that nothing is held against it: ${name}.`);
build();
const room = await mkdtemp(join(options.directory, 'holdfast-bench-'));
const results: ScenarioResult[] = [];
try {
  for (const scenario of options.scenarios) results.push(await run(scaled(scenario, options.scale)));
} finally {
  await rm(room, { recursive: true, force: true });
}
if (options.json) console.log(JSON.stringify(results, undefined, 2));
if (options.write) await writeReport(results);

async function run(scenario: Scenario): Promise<ScenarioResult> {
  const title = titleOf(scenario);
  console.error(`${scenario.name}: ${title}`);
  const { notes, ...findings } = await runOf(scenario, found, options);
  const { scale, runs } = options;
  const command = ['npm run bench', ...(args.length === 0 ? [] : ['--', ...args])].join(' ');
  const absent = missing.map((name) => `Not found and not compared: ${name}.`);
  const result: ScenarioResult = {
    ...{ name: scenario.name, title, scale, runs, command, circumstances: circumstances() },
    ...findings,
    notes: [...notes, ...absent],
  };
  if (!options.json) console.log(markdownOf(result));
  return result;
}

async function runOf(scenario: Scenario, rclones: readonly Rclone[], asked: Options): Promise<Findings> {
  if (scenario.kind === 'copy') return await runCopy(scenario, rclones, asked, room);
  if (scenario.kind === 'pass') return await runPass(scenario, rclones, asked, room);
  return await runAnswers(scenario, room);
}
