import { reconcile, type ReconcileReport } from '../replication/reconcile.ts';
import { openReplicator, prepare, print, printJson, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatBytes, formatSeconds, formatWords } from './format.ts';
import { ProgressLine } from './progress.ts';

export interface ReconcileCommand {
  readonly dryRun?: boolean;
  readonly deep?: boolean;
  readonly prefix?: string;
  readonly json?: boolean;
}

/** `holdfast reconcile [policy]`: one full pass now. */
export async function reconcileCommand(
  policyName: string | undefined,
  command: ReconcileCommand,
  context: Context,
): Promise<ExitStatus> {
  await using replicator = await openReplicator(prepare(context), { forget: command.dryRun !== true, crew: true });
  const reports: ReconcileReport[] = [];
  for (const policy of replicator.select(policyName)) {
    using progress = new ProgressLine();
    const options = {
      deep: command.deep ?? false,
      dryRun: command.dryRun ?? false,
      onProgress: progress.show.bind(progress),
      ...(command.prefix === undefined ? {} : { prefix: command.prefix }),
    };
    reports.push(await reconcile(replicator.engine, policy, options, context.signal));
  }
  if (command.dryRun !== true) {
    await replicator.snapshots.takeIfDue(context.signal);
    await replicator.noteProviders();
  }
  if (command.json === true) printJson({ policies: reports });
  else for (const report of reports) print(describe(report, command.dryRun ?? false));
  return statusOf(reports);
}

function statusOf(reports: readonly ReconcileReport[]): ExitStatus {
  if (reports.some((report) => report.outcome === 'held')) return exitStatus.held;
  return reports.some((report) => report.outcome === 'incomplete') ? exitStatus.incomplete : exitStatus.ok;
}

function describe(report: ReconcileReport, dryRun: boolean): string {
  const { policy, outcome, objects, bytes, copied, bytesCopied, inPlace, repaired, failed, held, ignored } = report;
  const would = dryRun ? 'to copy' : 'copied';
  const lines = [
    `${policy}: ${outcome}: ${objects} objects (${formatBytes(bytes)}) in ${formatSeconds(report.durationMs / 1000)}`,
    `  copies: ${copied} ${would} (${formatBytes(bytesCopied)}), ${repaired} ${dryRun ? 'to repair' : 'repaired'}, ${inPlace} in place, ${failed} not in place`,
  ];
  if (report.deleted > 0) lines.push(`  ${report.deleted} copies of what went ${dryRun ? 'to delete' : 'deleted'}`);
  if (held > 0) lines.push(`  ${held} changed objects are held back by the guard`);
  if (ignored > 0)
    lines.push(`  ${ignored} things at the source are no objects (symbolic links and the like) and were not copied`);
  for (const reason of report.reasons) lines.push(`  ${formatWords(reason)}`);
  if (failed > 0 && !dryRun) lines.push(`  see which and why: holdfast status ${policy}`);
  return lines.join('\n');
}
