import { expect, test } from 'vitest';
import { measure } from '../../bench/measure.ts';
import { median, medianRatio, type Usage } from '../../bench/usage.ts';

const usage = (seconds: number): Usage => ({
  ...{ seconds, cpuSeconds: seconds, serverCpuSeconds: seconds },
  ...{ peakBytes: seconds, readBytes: seconds },
});

test('a ratio is the median over pairs, not of medians', () => {
  const [ours, theirs] = [[1, 2, 30].map(usage), [2, 1, 10].map(usage)];
  expect(medianRatio(ours, theirs).seconds).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('a run without its counterpart is an error', () => {
  expect(() => medianRatio([usage(1)], [])).toThrow('no counterpart');
});

test('CPU of all processes of a program counts, also of those that ended before it', async () => {
  const burn =
    'const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end) for (let i = 0; i < 1e6; i += 1);';
  const script = `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(burn)}]);`;
  const program = { command: process.execPath, args: ['-e', script] };
  const { cpuSeconds, peakBytes, output } = await measure([program, program]);
  expect(cpuSeconds).toBeGreaterThan(0.59);
  expect(peakBytes).toBeGreaterThan(20 * 1024 ** 2);
  expect(output).toEqual(['', '']);
});

test('a program that fails is an error that shows what it printed', async () => {
  const program = { command: process.execPath, args: ['-e', 'console.log("so far"); process.exit(3)'] };
  await expect(measure([program])).rejects.toThrow(/ended with 3:\nso far/);
});
