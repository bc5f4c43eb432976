import type { CatalogError } from '../catalog/errors.ts';
import { Outlasting } from '../catalog/outlast.ts';
import { loadConfig } from '../config/load.ts';
import { Daemon } from '../daemon.ts';
import { gaugesOf } from '../http/gauges.ts';
import { startServer, type Served } from '../http/server.ts';
import { systemClock } from '../objects/clock.ts';
import { Reload } from '../reload.ts';
import { listProblems } from '../replication/problem-page.ts';
import { providerStatus, readStatus, type ProviderStatus } from '../replication/status.ts';
import type { Replicator } from '../replicator.ts';
import type { Log } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { version } from '../version.ts';
import { openReplicator, prepare, type Context, type Prepared } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { Hangup } from './hangup.ts';
import { welcome } from './welcome.ts';

/** `holdfast daemon`: until a signal ends it. */
export async function daemonCommand(context: Context): Promise<ExitStatus> {
  using hangup = new Hangup();
  const prepared = prepare(context);
  const { config, log, path } = prepared;
  const metrics = createMetrics({ version });
  const givenUp = new AbortController();
  const outlasting = new Outlasting(systemClock, givenUp.signal, (trouble) => tellOfCatalog(trouble, log));
  // Before the loops run nobody gives up what is in flight but the one who stops the process.
  const stopOpening = (): void => givenUp.abort();
  context.signal.addEventListener('abort', stopOpening, { once: true });
  await using replicator = await openReplicator(prepared, {
    forget: true,
    crew: true,
    metrics,
    outlast: outlasting.around,
  });
  context.signal.removeEventListener('abort', stopOpening);
  declare(replicator, metrics);
  const daemon = new Daemon(replicator);
  daemon.givenUp.addEventListener('abort', stopOpening, { once: true });
  const reload = new Reload({ config, log, limits: replicator.limits, read: () => loadConfig(path) });
  hangup.listen(() => reload.now());
  const troubles = (): string[] => [outlasting.trouble?.message, reload.trouble].filter((text) => text !== undefined);
  const served = serve(replicator, daemon, troubles, async () => await metrics.render());
  metrics.onScrape(async () => gaugesOf(await served.status(), replicator.engine.clock.now()));
  await using server = await startServer(served, accessOf(prepared), config.http.listen);
  process.stderr.write(`${welcome(prepared, server.url)}\n`);
  const drain = (): void => {
    const { drain: within } = config.shutdown;
    log.info({ withinSeconds: within / 1000 }, 'draining: finishing what is in flight');
    daemon.drain(within);
  };
  context.signal.addEventListener('abort', drain, { once: true });
  if (context.signal.aborted) drain();
  await daemon.run();
  log.info({}, 'drained');
  return exitStatus.ok;
}

function tellOfCatalog(trouble: CatalogError | undefined, log: Log): void {
  if (trouble === undefined) log.info({}, 'the catalog can be written again; work goes on');
  else log.error({ code: trouble.code }, `nothing can be recorded, so that all work waits: ${trouble.message}`);
}

function declare({ policies }: Replicator, metrics: ReturnType<typeof createMetrics>): void {
  for (const { name, source, targets } of policies) {
    metrics.declare(
      name,
      source.name,
      targets.map((site) => site.name),
    );
  }
}

function accessOf({ config }: Prepared): { token: string | undefined; loopback: boolean } {
  const { listen, token } = config.http;
  return { token: token?.reveal(), loopback: listen.loopback };
}

function serve(
  replicator: Replicator,
  daemon: Daemon,
  troubles: () => readonly string[],
  metrics: Served['metrics'],
): Served {
  const { catalog, clock } = replicator.engine;
  const { policies } = replicator;
  return {
    metrics,
    status: async () => {
      const { settings } = replicator.snapshots;
      return await readStatus(catalog, policies, providersNow(replicator), clock.now(), troubles(), settings);
    },
    ready: async () => void (await catalog.readProviders()),
    problems: async (policy, page) => await listProblems(catalog, policies, policy, page),
    reconcileSoon: (name) => {
      const asked = policies.filter((policy) => name === undefined || policy.name === name);
      return asked.length === 0 ? undefined : daemon.reconcileSoon(asked);
    },
  };
}

function providersNow({ sites }: Replicator): ProviderStatus[] {
  return sites.map((site) => providerStatus(site.name, site.health()));
}
