import { describePromise } from '../replication/status-evidence.ts';
import type { Problem } from '../catalog/counts.ts';
import { readStatus, rememberedProviders, type PolicyStatus, type Status } from '../replication/status.ts';
import { describeDrills } from './drill-text.ts';
import { openReplicator, prepare, print, printJson, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import {
  formatAtLeast,
  formatBytes,
  formatKey,
  formatSeconds,
  formatTable,
  formatTime,
  formatWords,
} from './format.ts';

const problemsShown = 20;

/** `holdfast status [policy]`: what the catalog knows, without asking any provider. */
export async function statusCommand(
  policyName: string | undefined,
  command: { readonly json?: boolean },
  context: Context,
): Promise<ExitStatus> {
  await using replicator = await openReplicator(prepare(context), { forget: false });
  const { catalog, clock } = replicator.engine;
  const policies = replicator.select(policyName);
  const names = replicator.sites.map((site) => site.name);
  const providers = rememberedProviders(await catalog.readProviders(), names);
  const status = await readStatus(catalog, policies, providers, clock.now(), [], replicator.snapshots.settings);
  if (command.json === true) printJson(status);
  else {
    print(describe(status));
    for (const { name } of policies) {
      const problems = await catalog.problems(name, { limit: problemsShown });
      if (problems.length > 0) print(describeProblems(name, problems));
    }
  }
  return statusOf(status);
}

function statusOf({ policies }: Status): ExitStatus {
  if (policies.some((policy) => policy.hold !== null)) return exitStatus.held;
  const bad = policies.some(
    ({ pending, failed, damaged, lost, lastPass, drills }) =>
      pending + failed + damaged + lost > 0 ||
      lastPass?.outcome !== 'complete' ||
      Object.values(drills).some((drill) => drill.failed > 0),
  );
  return bad ? exitStatus.incomplete : exitStatus.ok;
}

function describe({ status, reasons, policies, providers, snapshots }: Status): string {
  const lines = [`status: ${status}`, ...reasons.map((reason) => `  - ${formatWords(reason)}`)];
  for (const policy of policies) lines.push('', describePolicy(policy));
  if (providers.length > 0) lines.push('', 'providers');
  for (const { provider, state, lastError } of providers) {
    lines.push(`  ${provider}: ${state}${lastError === null || state === 'up' ? '' : ` (${formatWords(lastError)})`}`);
  }
  if (snapshots.length > 0) lines.push('', 'snapshots of the catalog');
  for (const { target, ageSeconds, error } of snapshots) {
    const newest = ageSeconds === null ? 'none' : `the newest ${formatSeconds(ageSeconds)} old`;
    lines.push(`  ${target}: ${newest}${error === null ? '' : ` (${formatWords(error)})`}`);
  }
  return lines.join('\n');
}

function describePolicy(policy: PolicyStatus): string {
  const { objects, bytes, safe, lagSeconds, lastPass } = policy;
  const lines = [
    `${policy.policy}: ${objects} objects (${formatBytes(bytes)}), ${safe} safe`,
    `  pending ${policy.pending}, failed ${policy.failed}, damaged ${policy.damaged}, lost ${policy.lost}, held ${policy.held}`,
  ];
  if (lagSeconds !== null) lines.push(`  everything older than ${formatAtLeast(lagSeconds)} is copied and verified`);
  lines.push(`  ${describePromise(policy)}`);
  if (lastPass !== null) lines.push(`  last pass ended ${formatTime(lastPass.finishedAt)}: ${lastPass.outcome}`);
  if (policy.hold === null) lines.push(...(lastPass?.reasons ?? []).map((reason) => `    ${formatWords(reason)}`));
  lines.push(...describeGone(policy), ...describeHold(policy), ...describeDrills(policy));
  const rows = Object.entries(policy.copies).map(([target, copies]) => [
    `  ${target}`,
    copies.verified,
    copies.pending + copies.unproven,
    copies.damaged,
    copies.failed,
    policy.atRisk[target] ?? 0,
  ]);
  const others = Object.entries(policy.atRisk).filter(([name]) => !Object.hasOwn(policy.copies, name));
  rows.push(...others.map(([source, count]) => [`  ${source} (source)`, '', '', '', '', count]));
  return [...lines, formatTable([['  target', 'verified', 'pending', 'damaged', 'failed', 'at risk'], ...rows])].join(
    '\n',
  );
}

function describeGone({ gone, deletes }: PolicyStatus): string[] {
  if (gone === 0) return [];
  if (deletes.mode === 'retain') return [`  gone ${gone}: their copies are kept`];
  const due = deletes.due === 0 ? '' : `, ${deletes.due} of them are due to be deleted`;
  const next = deletes.nextAt === null ? '' : `, the next is due ${formatTime(deletes.nextAt)}`;
  return [`  gone ${gone}${due}${next}`];
}

function describeHold({ policy, hold, rejected, decisions }: PolicyStatus): string[] {
  const lines: string[] = [];
  if (hold !== null) {
    lines.push(
      `  HELD since ${formatTime(hold.since)}: ${hold.overwritten} overwritten, ${hold.vanished} vanished; nothing is deleted or overwritten`,
      ...hold.reasons.map((reason) => `    ${formatWords(reason)}`),
      ...hold.sample.map((key) => `      ${formatKey(key)}`),
      ...whatToDo(policy, hold),
    );
  }
  if (rejected > 0) {
    // A release decides the hold, where there is one.
    const back = hold === null ? `; to take that back: holdfast release ${policy}` : '';
    lines.push(`  ${rejected} objects are kept against the source: their change was rejected${back}`);
  }
  for (const { at, decision, by, hold: decided } of decisions) {
    const what = `${decided.overwritten} overwritten, ${decided.vanished} vanished`;
    lines.push(`  ${formatTime(at)} ${decision} by ${by}: ${what}`);
  }
  return lines;
}

function whatToDo(policy: string, { listingFailed, deletions }: NonNullable<PolicyStatus['hold']>): string[] {
  if (deletions !== undefined) {
    return [
      `    if these copies are to be deleted: holdfast release ${policy}`,
      '    if not: set `deletes: { mode: retain }` for the policy',
    ];
  }
  if (listingFailed === true) return ['    it ends by itself when the source is listed to its end again'];
  return [
    `    if this is right, let it through: holdfast release ${policy}`,
    `    if it is wrong, keep the copies as they are: holdfast reject ${policy}`,
  ];
}

function describeProblems(policy: string, problems: readonly Problem[]): string {
  const lines = problems.map(({ key, target, state, error }) => {
    const why = error === null ? '' : ` [${error.code}] ${formatWords(error.message)}`;
    return `  ${formatKey(key)} at ${target}: ${state}${why}`;
  });
  const more = problems.length === problemsShown ? [`  … the first ${problemsShown} of them`] : [];
  return [`\n${policy}: copies that are not in place`, ...lines, ...more].join('\n');
}
