import type { PolicyStatus } from './status.ts';

/** What a person is told when evidence grows older than promised, or the source itself is damaged. */
export function evidenceTroubles(status: PolicyStatus, now: number): string[] {
  const { policy, sourceDamaged } = status;
  return [...promiseTroubles(status), ...overdue(status, now), ...damagedAtSource(policy, sourceDamaged)];
}

export function damagedAtSource(policy: string, objects: number): string[] {
  if (objects === 0) return [];
  return [
    `${policy}: ${objects} objects are damaged at the source: their bytes changed though their version did not; the copies are kept as they were; see "holdfast verify ${policy} --deep"`,
  ];
}

function promiseTroubles({ policy, scrub }: PolicyStatus): string[] {
  if (scrub === null || scrub.kept || scrub.allowedBytesPerSecond === null) return [];
  const needed = formatRate(scrub.neededBytesPerSecond);
  const allowed = formatRate(scrub.allowedBytesPerSecond);
  return [
    `${policy}: the scrub cannot keep its promise: every copy read within ${days(scrub.everySeconds)} needs ${needed}, and the budget of verify.scrub allows ${allowed}`,
  ];
}

function overdue({ policy, scrub, copies }: PolicyStatus, now: number): string[] {
  if (scrub === null) return [];
  return Object.entries(copies).flatMap(
    ([
      target,
      {
        oldestEvidenceAt: { attested, read },
      },
    ]) => {
      const oldest = Math.min(attested ?? Infinity, read ?? Infinity);
      const age = (now - oldest) / 1000;
      if (!(age > scrub.everySeconds)) return [];
      return [
        `${policy}: the oldest evidence for a copy at ${target} is ${days(age)} old, and verify.scrub promises ${days(scrub.everySeconds)}`,
      ];
    },
  );
}

/** One sentence for people who ask what the scrub promises. */
export function describePromise({ scrub }: Pick<PolicyStatus, 'scrub'>): string {
  if (scrub === null)
    return 'scrub: none (verify.scrub is not set): copies are read again only by verify --deep and reconcile --deep';
  const { everySeconds, neededBytesPerSecond, allowedBytesPerSecond } = scrub;
  const allowed =
    allowedBytesPerSecond === null ? 'no budget limits it' : `the budget allows ${formatRate(allowedBytesPerSecond)}`;
  return `scrub: every copy read within ${days(everySeconds)} needs ${formatRate(neededBytesPerSecond)}; ${allowed}`;
}

/** `41_000_000` → `41 MB/s`: powers of a thousand, as networks count. */
function formatRate(bytesPerSecond: number): string {
  const units = ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(bytesPerSecond, 1)) / 3)));
  const value = bytesPerSecond / 1000 ** power;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power] ?? ''}`;
}

function days(seconds: number): string {
  if (seconds >= 86_400) return `${Number((seconds / 86_400).toFixed(1))} days`;
  if (seconds >= 3_600) return `${Number((seconds / 3_600).toFixed(1))} hours`;
  return `${Number((seconds / 60).toFixed(1))} minutes`;
}
