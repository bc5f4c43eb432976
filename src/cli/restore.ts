import { UsageError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { RestoreProblem } from '../replication/restore-report.ts';
import { restore } from '../replication/restore.ts';
import { Restorer, type RestoreRequest } from '../restorer.ts';
import { noMetrics } from '../telemetry/metrics.ts';
import { prepare, print, printJson, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatKey, formatWords } from './format.ts';
import { ProgressLine } from './progress.ts';
import { estimateLines, restoreText } from './restore-text.ts';

export interface RestoreCommand extends Omit<RestoreRequest, 'policy'> {
  readonly prefix?: string;
  /** ISO 8601. */
  readonly at?: string;
  readonly overwrite?: boolean;
  /** `--without-gone` makes it false. */
  readonly withoutGone?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Problems that one JSON document names; memory must not grow with the damage. All are said on stderr. */
const namedAtMost = 1_000;

/** `holdfast restore [policy]`: brings objects back, verified, with a catalog or without. */
export async function restoreCommand(
  policyName: string | undefined,
  command: RestoreCommand,
  context: Context,
): Promise<ExitStatus> {
  const at = command.at === undefined ? undefined : timeOf(command.at);
  const { config, log, lacking } = prepare(
    context,
    [command.from, command.to].filter((name) => name !== undefined),
  );
  using progress = new ProgressLine();
  const say = (text: string): void => progress.say(`holdfast: ${text}`);
  const onNoCatalog = (why: string): void => say(`${why} The restore goes on without the catalog.`);
  const request = { ...command, ...(policyName === undefined ? {} : { policy: policyName }) };
  await using restorer = await Restorer.open(config, request, { log, metrics: noMetrics, onNoCatalog, lacking });
  if (at !== undefined && restorer.engine.catalog === undefined)
    say("without a catalog, what a bucket's own versioning keeps is not looked at: only the catalog knows which it is");
  if (at !== undefined && at > restorer.engine.clock.now())
    say(`--at ${command.at} is in the future: every object comes as it is now`);
  const problems: RestoreProblem[] = [];
  const onProblem = (problem: RestoreProblem): void => {
    say(describeProblem(problem));
    if (problems.length < namedAtMost) problems.push(problem);
  };
  const { prefix, overwrite = false, withoutGone = false, dryRun = false } = command;
  const options = {
    ...restorer.places,
    ...{ overwrite, withoutGone, dryRun, onProblem },
    onProgress: progress.showRestore.bind(progress),
    ...(prefix === undefined ? {} : { prefix }),
    ...(at === undefined ? {} : { at }),
  };
  const { report, complete, estimate } = await restore(restorer.engine, restorer.policy, options, context.signal);
  for (const [provider, why] of Object.entries(report.notLookedAt))
    say(`${provider} could not be (wholly) looked at: ${formatWords(why)}`);
  if (command.json === true) printJson({ ...report, to: restorer.places.to.name, dryRun, estimate, problems });
  else
    print(
      [restoreText(report, restorer.places.to.name, { dryRun, at: at !== undefined }), ...estimateLines(estimate)].join(
        '\n',
      ),
    );
  // Nothing at all is what a wrong prefix or a wrong bucket looks like.
  const some = report.objects + report.leftOut > 0;
  return complete && some ? exitStatus.ok : exitStatus.incomplete;
}

function describeProblem({ key, provider, code, message }: RestoreProblem): string {
  return `${formatKey(key satisfies Key)}: [${code}]${provider === '' ? '' : ` ${provider}:`} ${formatWords(message)}`;
}

const iso8601 = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Milliseconds since the epoch. @throws UsageError for what is no time, or one that has no zone to be in. */
function timeOf(text: string): number {
  const expected = 'expected a time such as 2026-03-01T12:00:00Z (ISO 8601)';
  const found = iso8601.exec(text);
  if (found === null) throw new UsageError(`--at ${text}: that is no time; ${expected}`);
  const [, time, , , zone] = found;
  if (time !== undefined && zone === undefined) {
    throw new UsageError(`--at ${text}: in which zone? Add Z for UTC, or an offset such as +01:00`);
  }
  const ms = Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, time === undefined ? '$1$2' : '$1:$2'));
  if (Number.isNaN(ms)) throw new UsageError(`--at ${text}: there is no such time; ${expected}`);
  return ms;
}
