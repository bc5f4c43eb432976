import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ErrorCode } from '../objects/errors.ts';
import { createGauges, type Gauges } from './gauges.ts';
import { createEvents } from './metric-events.ts';

/** How a copy came to be verified; see the catalog's history. */
export type CopyEvent = 'copied' | 'repaired' | 'adopted' | 'rechecked';

/** What the scrub found: see `replication/audit-copy.ts`. */
export type ScrubOutcome = 'right' | 'missing' | 'wrong' | 'unreadable';

/** `impossible`: the target did not answer. */
export type DrillOutcome = 'ok' | 'failed' | 'impossible';

export type PassOutcome = 'complete' | 'incomplete' | 'held';

/** `ok`, or the code of the error a provider's call ended with. */
export type RequestOutcome = 'ok' | ErrorCode;

/** What happens, as it happens: counters and histograms. Labels are policies, providers and codes, never keys. */
export interface MetricEvents {
  /** Makes the series of a policy known at zero, so that the first event is seen as a rise. */
  declare(policy: string, source: string, targets: readonly string[]): void;
  /** A copy was verified. `bytes`: what was written to the target for it; `event` is `copied` by default. */
  copied(policy: string, target: string, bytes: number, event?: CopyEvent): void;
  /** A copy was deleted because its object is gone. */
  deleted(policy: string, target: string): void;
  /** An attempt at a copy ended with an error. */
  failed(policy: string, target: string, code: ErrorCode): void;
  /** An upload in parts that nobody goes on with, or an old temporary file, was thrown away at a target. */
  uploadAborted(target: string): void;
  /** The scrub looked at a copy of `bytes`. */
  scrubbed(policy: string, target: string, bytes: number, outcome: ScrubOutcome): void;
  /** A drill at a target ended. */
  drilled(policy: string, target: string, outcome: DrillOutcome): void;
  /** Bytes read from the source: what its egress bill is made of. */
  sourceRead(policy: string, source: string, bytes: number): void;
  /** One call to a provider ended. */
  request(provider: string, operation: string, outcome: RequestOutcome, seconds: number): void;
  /** `finishedAt` in milliseconds since the epoch. */
  passFinished(policy: string, outcome: PassOutcome, seconds: number, finishedAt: number): void;
}

export interface Metrics extends MetricEvents {
  /**
   * Says where the state of things comes from: asked at every scrape, so that lag grows on the graph even when the
   * loop that should shrink it is dead. While it throws, its series are absent and
   * `holdfast_scrape_failures_total` rises; everything else is served.
   */
  onScrape(callback: () => Promise<Gauges>): void;
  /** The exposition in Prometheus' text format. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface MetricsOptions {
  readonly version: string;
  /** Memory, CPU, event loop and garbage collection of this process; true by default. */
  readonly process?: boolean;
}

/** Metrics with a registry of their own: two of them in one process know nothing of each other. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const gauges = createGauges(registry, options.version);
  if (options.process !== false) collectDefaultMetrics({ register: registry });
  return {
    ...createEvents(registry),
    onScrape: (callback) => gauges.readFrom(callback),
    render: async () => {
      await gauges.refresh();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

/** For commands that are never scraped, and for tests. */
export const noMetrics: Metrics = Object.freeze({
  declare: ignore,
  copied: ignore,
  deleted: ignore,
  failed: ignore,
  uploadAborted: ignore,
  scrubbed: ignore,
  drilled: ignore,
  sourceRead: ignore,
  request: ignore,
  passFinished: ignore,
  onScrape: ignore,
  render: async () => ({ contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: '' }),
});

function ignore(): void {}
