import { parseArgs } from 'node:util';
import { printedSeed } from '../support/seed.ts';
import { crashAndCompare } from './scenario.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string' },
    life: { type: 'string', default: '12000' },
    largest: { type: 'string', default: String(200 * 1024 ** 2) },
    objects: { type: 'string', default: '400' },
    pause: { type: 'string', default: '400' },
  },
});

const report = await crashAndCompare({
  seed: values.seed === undefined ? printedSeed('crash') : Number(values.seed),
  kills: Number(values.kills),
  life: Number(values.life),
  largest: Number(values.largest),
  objects: Number(values.objects),
  pause: Number(values.pause),
  settle: 900_000,
  onKill: (kills, { present, counts }) => {
    const mib = Math.round(counts.bytes / 1024 ** 2);
    process.stderr.write(`\r${kills} kills, ${present.size} objects present, ${mib} MiB written `);
  },
});
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
const { halfWritten, lost, wrong, exit } = report;
process.exitCode = halfWritten.length + lost.length + wrong.length === 0 && exit === 0 ? 0 : 1;
