import { providersMeant } from '../config/domains.ts';
import { whatIf, type WhatIf } from '../replication/what-if.ts';
import { openReplicator, prepare, print, printJson, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatAtLeast, formatBytes, formatSeconds, formatTime } from './format.ts';

export interface WhatIfCommand {
  /** Providers' names, or `operator=…`, `region=…`, `account=…`. */
  readonly lose: readonly string[];
  readonly json?: boolean;
}

/** `holdfast whatif --lose <provider>…`: from the catalog alone, without asking any provider. */
export async function whatIfCommand(command: WhatIfCommand, context: Context): Promise<ExitStatus> {
  const prepared = prepare(context);
  const lost = providersMeant(prepared.config, command.lose);
  await using replicator = await openReplicator(prepared, { forget: false });
  const { catalog, clock } = replicator.engine;
  const policies = await Promise.all(
    replicator.policies.map(async (policy) => await whatIf(catalog, policy, lost, clock.now())),
  );
  if (command.json === true) printJson({ policies });
  else print([`if ${lost.join(', ')} vanished now:`, ...policies.map(describe)].join('\n\n'));
  return policies.every(isCalm) ? exitStatus.ok : exitStatus.incomplete;
}

/** Of a source that was never seen whole nobody knows what is in it. */
function isCalm({ lose, lost, asOfSeconds }: WhatIf): boolean {
  return lost === 0 && (lose.length === 0 || asOfSeconds !== null);
}

function describe(report: WhatIf): string {
  const { policy, lose } = report;
  if (lose.length === 0) return `${policy}: not concerned`;
  const lines = [...describeLoss(report), ...describeRest(report), describeAge(report)];
  return [`${policy} (without ${lose.join(', ')})`, ...lines].join('\n  ');
}

function describeAge({ asOfSeconds }: WhatIf): string {
  if (asOfSeconds === null)
    return 'the source was not seen whole yet (holdfast reconcile): what nobody saw is not counted';
  return `by what the source showed ${formatAtLeast(asOfSeconds)} ago; what came since may not be counted`;
}

function describeLoss({ lost, lostBytes, newestLossSeconds, oldestLossSeconds, asOfSeconds }: WhatIf): string[] {
  if (lost === 0) return [asOfSeconds === null ? 'nothing that is known of would be lost' : 'nothing would be lost'];
  const lines = [`LOST: ${lost} objects (${formatBytes(lostBytes)})`];
  if (newestLossSeconds !== null) lines.push(`the newest of them is ${formatSeconds(newestLossSeconds)} old`);
  if (oldestLossSeconds !== null)
    lines.push(`everything last modified more than ${formatAtLeast(oldestLossSeconds)} ago would still be there`);
  return lines;
}

function describeRest(report: WhatIf): string[] {
  const left = Object.entries(report.left).map(([copies, objects]) => `${objects} with ${describeCopies(copies)}`);
  const lines = left.length === 0 ? [] : [`left: ${left.join(', ')}`];
  if (report.belowMinCopies === 0) return lines;
  const { restoreCopies: copies, restoreBytes: bytes } = report;
  const work = `${copies} copies (${formatBytes(bytes)})`;
  return [
    ...lines,
    `${report.belowMinCopies} of these with fewer than minCopies; to have enough again: ${work}, ${time(report)}`,
  ];
}

function describeCopies(copies: string): string {
  if (copies === '0') return 'the source only';
  return copies === '1' ? '1 verified copy' : `${copies} verified copies`;
}

function time({ restoreSeconds, restoreBasis }: WhatIf): string {
  if (restoreSeconds === null || restoreBasis === null)
    return 'and nobody knows how long that takes: not enough was copied in the past 30 days to tell';
  const { bytesPerSecond, copiesPerSecond, measuredAt } = restoreBasis;
  const pace = `${formatBytes(Math.round(bytesPerSecond))}/s and ${copiesPerSecond.toFixed(1)} copies/s`;
  return `about ${formatAtLeast(restoreSeconds)} at the pace of ${formatTime(measuredAt)} (${pace})`;
}
