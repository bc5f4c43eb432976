import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { MetricEvents } from './metrics.ts';

/** From a HEAD in the next room to a part of gigabytes over a slow line. */
const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const passSeconds = [1, 10, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 24 * 3_600];

export function createEvents(registry: Registry): MetricEvents {
  const { copies, copiedBytes, drills, errors, orphans, scrubs, scrubbedBytes, sourceBytes } = createCounters(registry);
  const { requests, passes, lastPass } = createTimings(registry);
  return {
    declare: (policy, source, targets) => {
      sourceBytes.inc({ policy, source }, 0);
      for (const target of targets) {
        orphans.inc({ target }, 0);
        copiedBytes.inc({ policy, target }, 0);
        for (const outcome of ['copied', 'repaired', 'failed']) copies.inc({ policy, target, outcome }, 0);
        for (const outcome of ['ok', 'failed', 'impossible']) drills.inc({ policy, target, outcome }, 0);
      }
    },
    copied: (policy, target, bytes, outcome = 'copied') => {
      copies.inc({ policy, target, outcome });
      copiedBytes.inc({ policy, target }, bytes);
    },
    deleted: (policy, target) => copies.inc({ policy, target, outcome: 'deleted' }),
    failed: (policy, target, code) => {
      copies.inc({ policy, target, outcome: 'failed' });
      errors.inc({ policy, target, code });
    },
    uploadAborted: (target) => orphans.inc({ target }),
    scrubbed: (policy, target, bytes, outcome) => {
      scrubs.inc({ policy, target, outcome });
      if (outcome === 'right') scrubbedBytes.inc({ policy, target }, bytes);
    },
    drilled: (policy, target, outcome) => drills.inc({ policy, target, outcome }),
    sourceRead: (policy, source, bytes) => sourceBytes.inc({ policy, source }, bytes),
    request: (provider, operation, outcome, seconds) => requests.observe({ provider, operation, outcome }, seconds),
    passFinished: (policy, outcome, seconds, finishedAt) => {
      passes.observe({ policy }, seconds);
      lastPass.set({ policy, outcome }, finishedAt / 1_000);
    },
  };
}

function createCounters(registry: Registry) {
  const registers = [registry];
  return {
    copies: new Counter({
      name: 'holdfast_copies_total',
      help: 'Attempts at a copy, by how they ended: copied, repaired, adopted, rechecked, deleted or failed',
      labelNames: ['policy', 'target', 'outcome'],
      registers,
    }),
    copiedBytes: new Counter({
      name: 'holdfast_copied_bytes_total',
      help: 'Bytes written to a target for copies that were then verified',
      labelNames: ['policy', 'target'],
      registers,
    }),
    drills: new Counter({
      name: 'holdfast_drills_total',
      help: 'Restores rehearsed from a target alone, by how they ended: ok, failed, or impossible as it did not answer',
      labelNames: ['policy', 'target', 'outcome'],
      registers,
    }),
    errors: new Counter({
      name: 'holdfast_errors_total',
      help: 'Attempts at a copy that ended with an error, by the code of its cause',
      labelNames: ['policy', 'target', 'code'],
      registers,
    }),
    orphans: new Counter({
      name: 'holdfast_orphaned_uploads_aborted_total',
      help: 'Unfinished uploads and old temporary files that nobody went on with, thrown away',
      labelNames: ['target'],
      registers,
    }),
    scrubs: new Counter({
      name: 'holdfast_scrubbed_copies_total',
      help: 'Copies the scrub looked at, by what it found: right, missing, wrong or unreadable',
      labelNames: ['policy', 'target', 'outcome'],
      registers,
    }),
    scrubbedBytes: new Counter({
      name: 'holdfast_scrubbed_bytes_total',
      help: 'Bytes of copies that the scrub read and found right',
      labelNames: ['policy', 'target'],
      registers,
    }),
    sourceBytes: new Counter({
      name: 'holdfast_source_read_bytes_total',
      help: 'Bytes read from the source',
      labelNames: ['policy', 'source'],
      registers,
    }),
  };
}

function createTimings(registry: Registry) {
  const registers = [registry];
  return {
    requests: new Histogram({
      name: 'holdfast_provider_request_duration_seconds',
      help: 'How long calls to a provider took; outcome is ok or the code of the error',
      labelNames: ['provider', 'operation', 'outcome'],
      buckets: requestSeconds,
      registers,
    }),
    passes: new Histogram({
      name: 'holdfast_pass_duration_seconds',
      help: 'How long full passes took',
      labelNames: ['policy'],
      buckets: passSeconds,
      registers,
    }),
    lastPass: new Gauge({
      name: 'holdfast_last_pass_timestamp_seconds',
      help: 'When the last full pass with this outcome ended, seconds since the epoch',
      labelNames: ['policy', 'outcome'],
      registers,
    }),
  };
}
