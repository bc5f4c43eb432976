import type { RestoreReport } from '../replication/restore-report.ts';
import type { Estimate } from '../replication/restore-estimate.ts';
import { formatBytes, formatSeconds } from './format.ts';

/** The result for people. */
/** @param at whether a time was asked for. */
export function restoreText(
  report: RestoreReport,
  to: string,
  { dryRun, at }: { readonly dryRun: boolean; readonly at: boolean },
): string {
  const { policy, objects, restored, failed, bytes, inPlace } = report;
  const would = dryRun ? 'to restore' : 'restored';
  const lines = [
    `${policy}: ${objects} objects to ${to}: ${restored} ${would} (${formatBytes(bytes)}), ${inPlace} in place, ${failed} failed`,
  ];
  const from = Object.entries(report.from).map(([name, count]) => `${count} from ${name}`);
  if (from.length > 0) lines.push(`  ${from.join(', ')}`);
  lines.push(...remarks(report, dryRun, at));
  if (objects + report.leftOut === 0)
    lines.push('  nothing was found that belongs to the policy; is it the right prefix and the right place?');
  return lines.join('\n');
}

function remarks(report: RestoreReport, dryRun: boolean, at: boolean): string[] {
  const { gone, older, leftOut, otherAttributes, encoded, encodedBelow, reasons, notLookedAt } = report;
  const lines: string[] = [];
  if (gone > 0) lines.push(`  ${gone} of them are gone at the source (--without-gone leaves them out)`);
  if (leftOut > 0)
    lines.push(`  ${leftOut} were ${at ? 'not there at that time, or left out as asked' : 'left out as asked'}`);
  if (older > 0) lines.push(`  ${older} as an OLDER version than the newest: that could not be had (see above)`);
  if (otherAttributes > 0)
    lines.push(`  ${otherAttributes} in place have other headers or metadata there; --overwrite writes them anew`);
  if (encoded > 0)
    lines.push(
      `  ${encoded} have keys that cannot be names there: they lie, encoded, below ${encodedBelow.join(', ')}`,
    );
  const failures = Object.entries(reasons).map(([code, count]) => `${count} ${code}`);
  if (failures.length > 0) lines.push(`  problems: ${failures.join(', ')}`);
  const unseen = Object.keys(notLookedAt);
  if (unseen.length > 0)
    lines.push(
      `  not (wholly) looked at: ${unseen.join(', ')}; what only these hold is ${dryRun ? 'missing here' : 'not restored'}`,
    );
  return lines;
}

/** What a dry run expects, and what that rests on. */
export function estimateLines(estimate: Estimate | undefined): string[] {
  if (estimate === undefined || estimate.samples.length === 0) return [];
  const { seconds, samples, bandwidth } = estimate;
  const lines =
    seconds === null
      ? ['  how long it would take is not known: a place could not be measured']
      : [`  about ${formatSeconds(Math.max(1, seconds))} to read it; writing was not measured. That rests on`];
  for (const { provider, bytes, sampledBytes, bytesPerSecond, firstByteSeconds } of samples) {
    const measured =
      bytesPerSecond === null || firstByteSeconds === null
        ? 'nothing could be read'
        : `${formatBytes(sampledBytes)} read now as one stream at ${formatBytes(Math.round(bytesPerSecond))}/s, the first byte after ${Math.round(firstByteSeconds * 1000)} ms`;
    lines.push(`    ${provider}: ${formatBytes(bytes)} to read; ${measured}`);
  }
  if (bandwidth !== null) lines.push(`    limits.bandwidth: ${formatBytes(bandwidth)}/s, which is less`);
  return lines;
}
