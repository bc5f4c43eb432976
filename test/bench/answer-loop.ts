import { loadConfig } from '../../src/config/load.ts';
import { gaugesOf } from '../../src/http/gauges.ts';
import { readStatus } from '../../src/replication/status.ts';
import { whatIf } from '../../src/replication/what-if.ts';
import { Replicator } from '../../src/replicator.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { version } from '../../src/version.ts';

/** Answers each question again and again, as a daemon does, and prints the milliseconds of CPU that one answer takes. */
const { config } = loadConfig(process.argv[2] ?? '');
const metrics = createMetrics({ version });
await using replicator = await Replicator.open(config, { log: silentLog, metrics }, { forget: false });
const { policies, snapshots } = replicator;
const { catalog, clock } = replicator.engine;

const status = async () => await readStatus(catalog, policies, [], clock.now(), [], snapshots.settings);
metrics.onScrape(async () => gaugesOf(await status(), clock.now()));

const questions: Readonly<Record<string, () => Promise<unknown>>> = {
  status: async () => JSON.stringify(await status()),
  '/metrics': async () => await metrics.render(),
  whatif: async () => {
    const reports = policies.map(async (policy) => await whatIf(catalog, policy, ['s3'], clock.now()));
    return JSON.stringify(await Promise.all(reports));
  },
};

const times = 20;
const taken: Record<string, number> = {};
for (const [question, answer] of Object.entries(questions)) {
  await answer();
  const before = process.cpuUsage();
  for (let time = 0; time < times; time += 1) await answer();
  const { user, system } = process.cpuUsage(before);
  taken[question] = (user + system) / 1000 / times;
}
console.log(JSON.stringify(taken));
