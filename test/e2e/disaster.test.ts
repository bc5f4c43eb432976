import { expect, test } from 'vitest';
import { disasters } from '../disaster/scenario.ts';
import { printedSeed } from '../support/seed.ts';

/** Every kind of thing that can be destroyed, alone or with another; `s3` means that what is left goes to a new bucket. */
const losses = ['source', 'catalog + azure', 'host', 'disk + s3'];

test(
  'whatever is destroyed, what is left comes back as it was, and whatif had said what does not',
  { timeout: 600_000 },
  async () => {
    const seed = printedSeed('disaster');
    const report = await disasters({ seed, objects: 150, largest: 12 * 1024 ** 2, source: 'filesystem', losses });
    expect(report.wrong).toEqual([]);
    const atHand = losses.filter((loss) => !/s3|gcs/.test(loss) || report.places.length === 4);
    expect(new Set(report.trials.map(({ lost }) => lost))).toEqual(new Set(atHand));
    expect(report.trials.some(({ truly }) => truly.objects > 0)).toBe(true);
    expect(report.trials.some(({ older }) => older > 0)).toBe(true);
    expect(report.killed.before).toBeGreaterThan(0);
    expect(report.killed.restored).toBeGreaterThan(0);
    expect(report.rebuilt.map(({ due }) => due > 0)).toEqual([true, true]);
  },
);
