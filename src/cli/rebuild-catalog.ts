import { isConsistent, type RebuildProblem, type RebuildReport } from '../replication/rebuild-report.ts';
import { rebuildCatalog, type CatalogRebuild } from '../rebuild.ts';
import { noMetrics } from '../telemetry/metrics.ts';
import { prepare, print, printJson, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatBytes, formatKey, formatTime, formatWords } from './format.ts';
import { ProgressLine } from './progress.ts';

export interface RebuildCommand {
  readonly deep?: boolean;
  readonly replace?: boolean;
  readonly snapshot?: boolean;
  readonly json?: boolean;
}

/** Problems that one JSON document names; memory must not grow with the damage. */
const namedAtMost = 100_000;

/** `holdfast rebuild-catalog`: from the providers alone. */
export async function rebuildCatalogCommand(
  { deep = false, replace = false, snapshot = true, json = false }: RebuildCommand,
  context: Context,
): Promise<ExitStatus> {
  const { config, log } = prepare(context);
  const problems: RebuildProblem[] = [];
  let found = 0;
  using progress = new ProgressLine();
  const onProblem = (problem: RebuildProblem): void => {
    found += 1;
    progress.say(describeProblem(problem));
    if (json && problems.length < namedAtMost) problems.push(problem);
  };
  const options = { deep, replace, snapshot, onProblem, onProgress: progress.showRebuild.bind(progress) };
  const rebuilt = await rebuildCatalog(config, { log, metrics: noMetrics }, options, context.signal);
  if (json) printJson({ ...rebuilt, problems, unnamed: found - problems.length });
  else print(describe(config.catalog.file, rebuilt));
  return rebuilt.policies.every(isConsistent) ? exitStatus.ok : exitStatus.incomplete;
}

function describeProblem({ policy, key, provider, state, message }: RebuildProblem): string {
  const what = [key === null ? [] : formatKey(key), provider === null ? [] : `at ${provider}`].flat().join(' ');
  return `${policy}: ${state}: ${what}: ${formatWords(message)}`;
}

function describe(file: string, { policies, aside, snapshot }: CatalogRebuild): string {
  const lines = [`catalog ${file} rebuilt`];
  if (snapshot !== null)
    lines.push(
      `  from the snapshot of ${formatTime(snapshot.takenAt)} at ${placesOf(snapshot)}, and what changed since`,
    );
  if (aside !== null) lines.push(`  what stood there is kept as ${aside}`);
  for (const report of policies) lines.push(...describePolicy(report));
  lines.push(
    'next: holdfast reconcile compares with the source, proves what is still unproven, and copies what is missing',
  );
  return lines.join('\n');
}

function describePolicy(report: RebuildReport): string[] {
  const { policy, objects, bytes, fromSnapshot, verified, unproven, bytesRead, unreached } = report;
  const { kept, missing, older, damaged, unreadable, unrecorded, disagreements } = report;
  const lines = [
    `${policy}: ${objects} objects (${formatBytes(bytes)}); copies: ${verified} proven, ${unproven} in place and still to be proven, ${missing} missing`,
  ];
  if (fromSnapshot > 0) lines.push(`  ${fromSnapshot} objects are as the snapshot has them`);
  if (bytesRead > 0) lines.push(`  ${formatBytes(bytesRead)} read`);
  if (kept > 0) lines.push(`  ${kept} replaced versions are kept`);
  if (older > 0) lines.push(`  ${older} copies are of an older version than another copy`);
  if (damaged > 0) lines.push(`  ${damaged} copies are not what their own record says`);
  if (unreadable > 0) lines.push(`  ${unreadable} copies could not be asked`);
  if (unrecorded > 0) lines.push(`  ${unrecorded} things at targets have no record that says what they are`);
  if (disagreements > 0) lines.push(`  ${disagreements} objects about which the copies contradict each other`);
  if (unreached.length > 0) lines.push(`  not listed to the end: ${unreached.join(', ')}; what they hold is not known`);
  return lines;
}

function placesOf({ provider, heldBy }: NonNullable<CatalogRebuild['snapshot']>): string {
  return heldBy.length > 1 ? `${heldBy.join(', ')} alike` : `${provider} alone`;
}
