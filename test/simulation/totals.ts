import type { Outcome } from './history.ts';

export interface Failure {
  readonly seed: number;
  readonly promise: string;
  readonly what: string;
}

/** What many histories came to; can be sent from one process to another. */
export interface Totals {
  histories: number;
  events: number;
  /** Virtual milliseconds. */
  passed: number;
  readonly faults: Record<string, number>;
  readonly failures: Failure[];
}

export function noTotals(): Totals {
  return { histories: 0, events: 0, passed: 0, faults: {}, failures: [] };
}

export function addOutcome(totals: Totals, seed: number, { events, passed, faults, violations }: Outcome): void {
  totals.histories += 1;
  totals.events += events;
  totals.passed += passed;
  for (const [kind, count] of faults) totals.faults[kind] = (totals.faults[kind] ?? 0) + count;
  const [first] = violations;
  if (first !== undefined) totals.failures.push({ seed, ...first });
}

export function addTotals(totals: Totals, more: Totals): void {
  totals.histories += more.histories;
  totals.events += more.events;
  totals.passed += more.passed;
  for (const [kind, count] of Object.entries(more.faults)) totals.faults[kind] = (totals.faults[kind] ?? 0) + count;
  totals.failures.push(...more.failures);
}

export function told(totals: Totals, seconds: number): string {
  const { histories, events, passed, faults, failures } = totals;
  const all = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const years = passed / (365.25 * 86_400_000);
  const kinds = Object.entries(faults).sort(([, a], [, b]) => b - a);
  const rate = (count: number): string => (count / Math.max(1, histories)).toFixed(3);
  return [
    `${histories} histories, ${events} events, ${years.toFixed(1)} years of virtual time in ${seconds.toFixed(0)} s`,
    `${all} faults, ${rate(all)} per history:`,
    ...kinds.map(([kind, count]) => `  ${String(count).padStart(9)}  ${rate(count).padStart(8)}  ${kind}`),
    `${failures.length} failures`,
    ...failures.slice(0, 20).map(({ seed, promise, what }) => `  seed ${seed}: ${promise}: ${firstLine(what)}`),
  ].join('\n');
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.slice(0, 300) ?? '';
}
