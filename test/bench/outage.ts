import { parseArgs } from 'node:util';
import { outageKinds, runOutage, type Lag } from '../support/outage.ts';

/**
 * Four targets, objects arriving all the while: first all is well, then one target is dead, throttling or a black hole
 * for as long. Prints how far the other three were behind in both halves, the peak of memory, and how long the fourth took
 * to catch up. Options: `--minutes 10` (of each half; 0.5 by default), `--kind <kind>`, `--rate 20` (objects per second),
 * `--size`, `--large` (bytes).
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '0.5' },
    kind: { type: 'string' },
    rate: { type: 'string', default: '20' },
    size: { type: 'string', default: '16384' },
    large: { type: 'string', default: String(20 * 1024 ** 2) },
  },
});
const numbers = { rate: Number(values.rate), size: Number(values.size), large: Number(values.large) };
const seconds = Number(values.minutes) * 60;

console.log(`${values.minutes} minutes each; ${values.rate} objects/s; seconds from arrival to a verified copy\n`);
console.log('| fourth target | the other three: | copies | median | p95 | max | catch-up, s | peak memory, MiB |');
console.log('|---|---|---:|---:|---:|---:|---:|---:|');
for (const kind of outageKinds.filter((one) => values.kind === undefined || values.kind === one)) {
  const report = await runOutage({ kind, seconds, ...numbers });
  console.log(`| well | | ${row(report.calm)} | | |`);
  const end = `${report.caughtUpSeconds.toFixed(1)} | ${(report.peakBytes / 1024 ** 2).toFixed(0)}`;
  console.log(`| ${kind} (${report.state}) | | ${row(report.outage)} | ${end} |`);
  if (report.fourth !== report.objects) throw new Error(`${report.fourth} of ${report.objects} objects arrived`);
}

function row({ copies, median, p95, max }: Lag): string {
  return [copies, ...[median, p95, max].map((value) => value.toFixed(2))].join(' | ');
}
