import type { CopyRow, HistoryEntry, ObjectRow } from '../catalog/rows.ts';
import { openReplicator, prepare, print, printJson, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatBytes, formatKey, formatTime } from './format.ts';

/** `holdfast inspect <policy> <key>`: every copy of one object, its evidence, its history. */
export async function inspectCommand(
  policyName: string,
  key: string,
  command: { readonly json?: boolean },
  context: Context,
): Promise<ExitStatus> {
  await using replicator = await openReplicator(prepare(context), { forget: false });
  const [policy] = replicator.select(policyName);
  const found = policy === undefined ? undefined : await replicator.engine.catalog.inspect(policy.name, key);
  if (found === undefined) {
    process.stderr.write(`holdfast: the catalog has no object ${formatKey(key)} in policy ${policyName}\n`);
    return exitStatus.incomplete;
  }
  const { object, history } = found;
  if (command.json === true) printJson({ policy: policyName, object, history });
  else print(describe(object, history));
  return object.copies.every((copy) => copy.state === 'verified') ? exitStatus.ok : exitStatus.incomplete;
}

function describe(object: ObjectRow, history: readonly HistoryEntry[]): string {
  const lines = [
    formatKey(object.key),
    `  ${object.state} at the source, ${formatBytes(object.size)} (${object.size} bytes), modified ${formatTime(object.modifiedAt)}`,
    `  version ${object.version}`,
    `  SHA-256 ${object.sha256 ?? 'not known yet'}`,
  ];
  if (object.observed !== null) lines.push(`  a change at the source waits for a decision: ${object.observed.kind}`);
  for (const copy of object.copies) lines.push(...describeCopy(copy));
  if (history.length > 0) lines.push('  history');
  for (const { at, target, event, detail } of history) {
    lines.push(`    ${formatTime(at)} ${target ?? 'source'}: ${event}${detail === '' ? '' : ` (${detail})`}`);
  }
  return lines.join('\n');
}

function describeCopy({ target, state, version, evidence, error, dueAt }: CopyRow): string[] {
  const lines = [`  ${target}: ${state}${version === null ? '' : `, version ${version}`}`];
  if (evidence !== null) {
    lines.push(
      `    evidence: ${evidence.method} by ${evidence.by} at ${formatTime(evidence.at)}, SHA-256 ${evidence.sha256}`,
    );
  }
  if (error !== null) lines.push(`    ${error.code}: ${error.message}`);
  if (dueAt !== null && state !== 'verified') lines.push(`    next attempt ${formatTime(dueAt)}`);
  return lines;
}
