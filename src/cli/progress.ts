import type { Progress } from '../replication/reconcile.ts';
import type { RestoreReport } from '../replication/restore-report.ts';
import type { RebuildReport } from '../replication/rebuild-report.ts';
import type { VerifyReport } from '../replication/verify-report.ts';
import { formatBytes, formatLines, formatSeconds } from './format.ts';

/** Milliseconds. */
const redrawAfter = 100;

/** A live line on stderr: objects, bytes, rate, time left. Only on a terminal; elsewhere it is silent. */
export class ProgressLine implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #shown = false;
  #shownAt = -Infinity;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  show(progress: Progress): void {
    this.#write((seconds) => progressText(progress, seconds));
  }

  showAudit(report: VerifyReport): void {
    this.#write((seconds) => auditText(report, seconds));
  }

  showRestore(report: RestoreReport, bytesRead: number): void {
    this.#write((seconds) => restoreText(report, bytesRead, seconds));
  }

  /** A line that stays, on stderr whether or not that is a terminal. */
  say(text: string): void {
    this[Symbol.dispose]();
    this.#shown = false;
    this.#stream.write(`${formatLines(text)}\n`);
  }

  showRebuild({ policy, objects, bytes, verified, bytesRead }: RebuildReport): void {
    const read = bytesRead === 0 ? '' : ` · ${formatBytes(bytesRead)} read`;
    this.#write(() => `${policy}: ${objects} objects found · ${formatBytes(bytes)} · ${verified} copies proven${read}`);
  }

  #write(text: (seconds: number) => string): void {
    const now = performance.now();
    if (!this.#stream.isTTY || now - this.#shownAt < redrawAfter) return;
    this.#shownAt = now;
    const line = text((now - this.#startedAt) / 1000);
    this.#stream.write(`\r\u001b[2K${line.slice(0, Math.max(20, this.#stream.columns - 1))}`);
    this.#shown = true;
  }

  [Symbol.dispose](): void {
    if (this.#shown) this.#stream.write('\r\u001b[2K');
  }
}

/** `seconds`: since the run began. */
export function progressText({ policy, seen, tally, listed }: Progress, seconds: number): string {
  const parts = [`${policy}: ${seen?.listed ?? 0}${listed ? '' : '+'} objects`, formatBytes(seen?.bytes ?? 0)];
  if (tally !== undefined) {
    parts.push(`${tally.copied + tally.repaired + tally.adopted} copies made or adopted`);
    parts.push(`${formatBytes(tally.bytesRead)} read, ${formatBytes(tally.bytesRead / Math.max(seconds, 0.1))}/s`);
    if (tally.failures > 0) parts.push(`${tally.failures} failures`);
    const left = secondsLeft(seen?.bytes ?? 0, tally.bytesRead, seconds);
    if (listed && left !== undefined) parts.push(`about ${formatSeconds(left)} left`);
  }
  return parts.join(' · ');
}

function auditText(
  { policy, checked, missing, damaged, unreadable, bytesRead }: VerifyReport,
  seconds: number,
): string {
  const rate = `${formatBytes(bytesRead)} read, ${formatBytes(bytesRead / Math.max(seconds, 0.1))}/s`;
  return `${policy}: ${checked} copies checked · ${rate} · ${missing + damaged} missing or damaged, ${unreadable} unreadable`;
}

function restoreText({ policy, restored, inPlace, failed }: RestoreReport, bytesRead: number, seconds: number): string {
  const rate = `${formatBytes(bytesRead)} read, ${formatBytes(bytesRead / Math.max(seconds, 0.1))}/s`;
  return `${policy}: ${restored} restored, ${inPlace} in place · ${rate}${failed > 0 ? ` · ${failed} failed` : ''}`;
}

function secondsLeft(total: number, read: number, seconds: number): number | undefined {
  if (read <= 0 || read >= total) return undefined;
  return ((total - read) / read) * seconds;
}
