import { noMetrics, type MetricEvents, type Metrics } from '../telemetry/metrics.ts';
import type { MetricCall } from './messages.ts';

/** What happens in a worker thread, kept until it is told to the main thread, whose metrics are scraped. */
export class RelayedMetrics {
  readonly metrics: Metrics;
  #calls: MetricCall[] = [];

  constructor() {
    const keep = <Name extends keyof MetricEvents>(name: Name): MetricEvents[Name] =>
      ((...args: Parameters<MetricEvents[Name]>) => {
        this.#calls.push([name, ...args] as unknown as MetricCall);
      }) as MetricEvents[Name];
    this.metrics = {
      ...noMetrics,
      declare: keep('declare'),
      copied: keep('copied'),
      deleted: keep('deleted'),
      failed: keep('failed'),
      uploadAborted: keep('uploadAborted'),
      scrubbed: keep('scrubbed'),
      drilled: keep('drilled'),
      sourceRead: keep('sourceRead'),
      request: keep('request'),
      passFinished: keep('passFinished'),
    };
  }

  /** What happened since it was asked last. */
  take(): readonly MetricCall[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }
}

/** In the main thread. */
export function replay(metrics: MetricEvents, calls: readonly MetricCall[]): void {
  for (const [name, ...args] of calls) (metrics[name] as (...args: readonly unknown[]) => void)(...args);
}
