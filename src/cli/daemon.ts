import { Daemon } from '../daemon.ts';
import { startServer, type Served } from '../http/server.ts';
import { readStatus, type ProviderStatus } from '../replication/status.ts';
import type { Replicator } from '../replicator.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { gaugesOf } from '../http/gauges.ts';
import { version } from '../version.ts';
import { openReplicator, prepare, type Context, type Prepared } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { welcome } from './welcome.ts';

/** How long work in flight may take after SIGTERM. */
const drainWithin = 25_000;

/** `holdfast daemon`: until a signal ends it. */
export async function daemonCommand(context: Context): Promise<ExitStatus> {
  const prepared = prepare(context);
  const metrics = createMetrics({ version });
  await using replicator = await openReplicator(prepared, { forget: true, metrics });
  for (const policy of replicator.policies) {
    metrics.declare(
      policy.name,
      policy.source.name,
      policy.targets.map((site) => site.name),
    );
  }
  const daemon = new Daemon(replicator);
  const served = serve(replicator, daemon, async () => await metrics.render());
  metrics.onScrape(async () => gaugesOf(await served.status(), replicator.engine.clock.now()));
  await using server = await startServer(served, accessOf(prepared), prepared.config.http.listen);
  process.stderr.write(`${welcome(prepared, server.url)}\n`);
  const drain = (): void => {
    prepared.log.info({ withinSeconds: drainWithin / 1000 }, 'draining: finishing what is in flight');
    daemon.drain(drainWithin);
  };
  context.signal.addEventListener('abort', drain, { once: true });
  if (context.signal.aborted) drain();
  await daemon.run();
  prepared.log.info({}, 'drained');
  return exitStatus.ok;
}

function accessOf({ config }: Prepared): { token: string | undefined; loopback: boolean } {
  const { listen, token } = config.http;
  return { token: token?.reveal(), loopback: listen.loopback };
}

function serve(replicator: Replicator, daemon: Daemon, metrics: Served['metrics']): Served {
  const { catalog, clock } = replicator.engine;
  return {
    metrics,
    status: async () => await readStatus(catalog, replicator.policies, providersNow(replicator), clock.now()),
    ready: async () => void (await catalog.readProviders()),
    reconcileSoon: (name) => {
      const policies = replicator.policies.filter((policy) => name === undefined || policy.name === name);
      return policies.length === 0 ? undefined : daemon.reconcileSoon(policies);
    },
  };
}

function providersNow({ sites }: Replicator): ProviderStatus[] {
  return sites.map((site) => {
    const { state, lastError } = site.health();
    return { provider: site.name, state, lastError: lastError?.message ?? null };
  });
}
