import { parseArgs } from 'node:util';
import { outageKinds, runOutage, type Lag } from '../support/outage.ts';

/**
 * Four targets, objects arriving all the while: first all is well, then one target is dead, throttling or a black hole,
 * and when it has caught up, all is well again. Prints how far the other three were behind in each phase, the peak of
 * memory, and how long the fourth took to catch up. Options: `--minutes 10` (of the outage; 0.5 by default), `--calm 5`
 * (minutes before and after it; as long by default), `--kind <kind>`, `--rate 20` (objects per second), `--size`,
 * `--large` (bytes).
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '0.5' },
    calm: { type: 'string' },
    kind: { type: 'string' },
    rate: { type: 'string', default: '20' },
    size: { type: 'string', default: '16384' },
    large: { type: 'string', default: String(20 * 1024 ** 2) },
  },
});
const kinds = outageKinds.filter((one) => values.kind === undefined || values.kind === one);
if (kinds.length === 0) throw new Error(`--kind: one of ${outageKinds.join(', ')}`);
const numbers = { rate: Number(values.rate), size: Number(values.size), large: Number(values.large) };
const seconds = Number(values.minutes) * 60;
const calm = Number(values.calm ?? values.minutes) * 60;

console.log(
  `an outage of ${values.minutes} minutes; ${values.rate} objects/s; seconds from arrival to a verified copy\n`,
);
console.log('| fourth target | the other three: | copies | median | p95 | max | catch-up, s | peak memory, MiB |');
console.log('|---|---|---:|---:|---:|---:|---:|---:|');
for (const kind of kinds) {
  const report = await runOutage({ kind, seconds, calm, ...numbers });
  console.log(`| well | | ${row(report.before)} | | |`);
  const end = `${report.caughtUpSeconds.toFixed(1)} | ${(report.peakBytes / 1024 ** 2).toFixed(0)}`;
  console.log(`| ${kind} (${report.state}) | | ${row(report.outage)} | ${end} |`);
  console.log(`| well again | | ${row(report.after)} | | |`);
  if (report.fourth !== report.objects) throw new Error(`${report.fourth} of ${report.objects} objects arrived`);
}

function row({ copies, median, p95, max }: Lag): string {
  return [copies, ...[median, p95, max].map((value) => value.toFixed(2))].join(' | ');
}
