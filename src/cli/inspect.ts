import type { KeptVersion } from '../catalog/kept.ts';
import type { CopyRow, HistoryEntry, ObjectRow } from '../catalog/rows.ts';
import { openReplicator, prepare, print, printJson, say, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatBytes, formatKey, formatTime, formatWords } from './format.ts';

/** `holdfast inspect <policy> <key>`: every copy of one object, its evidence, its history, and its kept versions. */
export async function inspectCommand(
  policyName: string,
  key: string,
  command: { readonly json?: boolean },
  context: Context,
): Promise<ExitStatus> {
  await using replicator = await openReplicator(prepare(context), { forget: false });
  const [policy] = replicator.select(policyName);
  const { catalog } = replicator.engine;
  const found = policy === undefined ? undefined : await catalog.inspect(policy.name, key);
  const kept = policy === undefined ? [] : await catalog.keptOf(policy.name, key);
  if (found === undefined && kept.length === 0) {
    say(`holdfast: the catalog has no object ${formatKey(key)} in policy ${policyName}`);
    return exitStatus.incomplete;
  }
  const { object = null, history = [] } = found ?? {};
  if (command.json === true) printJson({ policy: policyName, object, history, kept });
  else print([...(object === null ? [forgotten(key)] : describe(object, history)), ...describeKept(kept)].join('\n'));
  const inPlace = object?.copies.every((copy) => copy.state === 'verified') ?? true;
  return inPlace ? exitStatus.ok : exitStatus.incomplete;
}

/** Its copies were deleted; what was replaced before stays until its time is over. */
function forgotten(key: string): string {
  return `${formatKey(key)}\n  gone, and no copy of it is left`;
}

function describeKept(kept: readonly KeptVersion[]): string[] {
  if (kept.length === 0) return [];
  return ['  kept versions, newest first', ...kept.flatMap((version) => describeVersion(version))];
}

function describeVersion({ target, place, size, sha256, replacedAt, expiresAt, evidence }: KeptVersion): string[] {
  const where = place.by === 'holdfast' ? formatKey(place.key) : `kept by the provider as ${formatWords(place.id)}`;
  const lines = [
    `    ${target}: replaced ${formatTime(replacedAt)}, kept until ${formatTime(expiresAt)}, ${size} bytes`,
    `      ${where}`,
    `      SHA-256 ${sha256}`,
  ];
  if (evidence !== null)
    lines.push(`      evidence: ${evidence.method} by ${evidence.by} at ${formatTime(evidence.at)}`);
  return lines;
}

function describe(object: ObjectRow, history: readonly HistoryEntry[]): string[] {
  const lines = [
    formatKey(object.key),
    `  ${object.state} at the source, ${formatBytes(object.size)} (${object.size} bytes), modified ${formatTime(object.modifiedAt)}`,
    `  version ${formatWords(object.version)}`,
    `  SHA-256 ${object.sha256 ?? 'not known yet'}`,
  ];
  if (object.observed !== null) lines.push(`  a change at the source waits for a decision: ${object.observed.kind}`);
  for (const copy of object.copies) lines.push(...describeCopy(copy));
  if (history.length > 0) lines.push('  history');
  for (const { at, target, event, detail } of history) {
    lines.push(
      `    ${formatTime(at)} ${target ?? 'source'}: ${event}${detail === '' ? '' : ` (${formatWords(detail)})`}`,
    );
  }
  return lines;
}

function describeCopy({ target, state, version, evidence, error, dueAt }: CopyRow): string[] {
  const lines = [`  ${target}: ${state}${version === null ? '' : `, version ${formatWords(version)}`}`];
  if (evidence !== null) {
    lines.push(
      `    evidence: ${evidence.method} by ${evidence.by} at ${formatTime(evidence.at)}, SHA-256 ${evidence.sha256}`,
    );
  }
  if (error !== null) lines.push(`    ${error.code}: ${formatWords(error.message)}`);
  if (dueAt !== null && state !== 'verified') lines.push(`    next attempt ${formatTime(dueAt)}`);
  return lines;
}
