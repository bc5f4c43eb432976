import { expect, test } from 'vitest';
import { crashAndCompare } from '../crash/scenario.ts';
import { printedSeed } from '../support/seed.ts';

test(
  'a daemon that is killed again and again loses nothing, shows nothing half-written, and ends with all in place',
  { timeout: 600_000 },
  async () => {
    const seed = printedSeed('crash');
    const limits = { objects: 40, largest: 24 * 1024 ** 2, pause: 150 };
    const report = await crashAndCompare({ seed, kills: 5, life: 6_000, settle: 480_000, ...limits });
    expect(report).toMatchObject({ kills: 5, halfWritten: [], lost: [], wrong: [], exit: 0 });
    expect(report.objects).toBeGreaterThan(0);
    expect(report.looks).toBeGreaterThan(0);
  },
);
