import type { AuditProblem, VerifyReport } from '../replication/verify-report.ts';
import { verify } from '../replication/verify.ts';
import type { Policy } from '../replication/policy.ts';
import { UsageError } from '../objects/errors.ts';
import { openReplicator, prepare, print, printJson, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatBytes, formatKey, formatWords } from './format.ts';
import { ProgressLine } from './progress.ts';

export interface VerifyCommand {
  readonly target?: readonly string[];
  readonly prefix?: string;
  readonly deep?: boolean;
  /** A share such as `5%`. */
  readonly sample?: string;
  readonly json?: boolean;
  /** A manifest to compare with, instead of the catalog. */
  readonly manifest?: string;
}

/** Problems that one JSON document names, per policy; memory must not grow with the damage. */
const namedAtMost = 100_000;

/** `holdfast verify [policy]`: an audit by hand; writes nothing at providers. */
export async function verifyCommand(
  policyName: string | undefined,
  command: VerifyCommand,
  context: Context,
): Promise<ExitStatus> {
  if (command.manifest !== undefined) return await compareWithManifest(policyName, command.manifest, command, context);
  const read = shareOf(command);
  await using replicator = await openReplicator(prepare(context, command.target), { forget: false });
  const { target: places, prefix, json = false } = command;
  const documents: (VerifyReport & { readonly problems: readonly AuditProblem[]; readonly unnamed: number })[] = [];
  const policies = replicator.select(policyName);
  if (places !== undefined) requirePlaces(places, policies);
  for (const policy of policies) {
    const problems: AuditProblem[] = [];
    let found = 0;
    using progress = new ProgressLine();
    const onProblem = (problem: AuditProblem): void => {
      found += 1;
      if (!json) print(describeProblem(problem));
      else if (problems.length < namedAtMost) problems.push(problem);
    };
    const options = { read, onProblem, onProgress: progress.showAudit.bind(progress), ...defined({ places, prefix }) };
    const report = await verify(replicator.engine, policy, options, context.signal);
    documents.push({ ...report, problems, unnamed: json ? found - problems.length : 0 });
  }
  if (json) printJson({ policies: documents });
  else for (const report of documents) print(describe(report));
  return documents.every(isGood) ? exitStatus.ok : exitStatus.incomplete;
}

async function compareWithManifest(
  policyName: string | undefined,
  file: string,
  command: VerifyCommand,
  context: Context,
): Promise<ExitStatus> {
  const { json = false } = command;
  const problems: AuditProblem[] = [];
  let found = 0;
  const onProblem = (problem: AuditProblem): void => {
    found += 1;
    if (!json) print(describeProblem(problem));
    else if (problems.length < namedAtMost) problems.push(problem);
  };
  const { verifyManifest } = await import('./verify-manifest.ts');
  const { report, merkleRoot } = await verifyManifest(policyName, file, command, onProblem, context);
  const manifest = { file, ...(merkleRoot === undefined ? {} : { merkleRoot }) };
  if (json) printJson({ policies: [{ ...report, manifest, problems, unnamed: found - problems.length }] });
  else print([describe(report), ...(merkleRoot === undefined ? [] : [`  Merkle root ${merkleRoot}`])].join('\n'));
  return isGood(report) ? exitStatus.ok : exitStatus.incomplete;
}

/** @throws UsageError for a share that is none. */
function shareOf({ deep = false, sample }: VerifyCommand): number {
  if (sample === undefined) return deep ? 1 : 0;
  const percent = Number(/^(\d{1,3}(?:\.\d{1,6})?)\s*%$/.exec(sample)?.[1]);
  if (percent > 0 && percent <= 100) return percent / 100;
  throw new UsageError(`--sample ${sample}: expected a share above 0% and up to 100%, such as 5%`);
}

/** @throws UsageError for a place that no policy asked for has. */
function requirePlaces(places: readonly string[], policies: readonly Policy[]): void {
  const known = new Set(policies.flatMap(({ source, targets }) => [source.name, ...targets.map(({ name }) => name)]));
  for (const place of places) {
    if (known.has(place)) continue;
    throw new UsageError(`--target ${place}: there is no such place; there is: ${[...known].join(', ')}`);
  }
}

function isGood({ missing, damaged, unreadable, source }: VerifyReport): boolean {
  return missing + damaged + unreadable + source.damaged + source.unreadable === 0;
}

function describeProblem({ policy, key, provider, state, message }: AuditProblem): string {
  return `${policy}: ${state}: ${formatKey(key)} at ${provider}: ${formatWords(message)}`;
}

function describe(report: VerifyReport): string {
  const { policy, checked, ok, missing, damaged, unreadable, unexpected, bytesRead, changed, source } = report;
  const lines = [
    `${policy}: ${checked} copies checked: ${ok} ok, ${missing} missing, ${damaged} damaged, ${unreadable} unreadable; ${formatBytes(bytesRead)} read`,
  ];
  if (checked === 0)
    lines.push(`  nothing was there to be checked; what is at the source is found by holdfast reconcile ${policy}`);
  if (source.checked > 0)
    lines.push(
      `  source: ${source.checked} objects read: ${source.ok} ok, ${source.damaged} damaged, ${source.unreadable} unreadable`,
    );
  if (source.changed > 0) lines.push(`  source: ${source.changed} objects changed since the last pass; see reconcile`);
  if (unexpected > 0) lines.push(`  ${unexpected} keys at targets are no copy of anything known`);
  if (changed > 0) lines.push(`  ${changed} copies changed while they were looked at and were not judged`);
  if (missing + damaged > 0)
    lines.push(`  the daemon repairs what is missing or damaged; now: holdfast reconcile ${policy}`);
  return lines.join('\n');
}

function defined<T extends object>(fields: T): { [Field in keyof T]?: Exclude<T[Field], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
