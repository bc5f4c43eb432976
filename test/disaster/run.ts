import { parseArgs } from 'node:util';
import { printedSeed } from '../support/seed.ts';
import { disasters } from './scenario.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    objects: { type: 'string', default: '5000' },
    largest: { type: 'string', default: String(1024 ** 3) },
    source: { type: 'string', default: 'filesystem' },
    lose: { type: 'string', multiple: true },
  },
});
const { seed, source, objects, largest, lose } = values;
if (source !== 'filesystem' && source !== 's3') throw new Error('--source: filesystem or s3');

const report = await disasters({
  seed: seed === undefined ? printedSeed('disaster') : Number(seed),
  ...{ objects: Number(objects), largest: Number(largest), source },
  ...(lose === undefined ? {} : { losses: lose }),
  onStep: (step) => process.stderr.write(`${step}\n`),
});
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
process.exitCode = report.wrong.length === 0 ? 0 : 1;
