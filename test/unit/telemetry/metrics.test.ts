import { describe, expect, test } from 'vitest';
import type { Gauges, PolicyGauges } from '../../../src/telemetry/gauges.ts';
import { createMetrics, noMetrics } from '../../../src/telemetry/metrics.ts';

function quiet() {
  return createMetrics({ version: '1.2.3', process: false });
}

const policy: PolicyGauges = {
  policy: 'user-data',
  lagSeconds: 12.5,
  backlogObjects: 4,
  backlogBytes: 4_096,
  objects: 10,
  copies: { aws: { verified: 6, pending: 4 }, gcp: { verified: 10 } },
  atRisk: { aws: 6 },
  holds: 1,
  held: 3,
  rejected: 2,
  evidenceOldestAgeSeconds: { aws: { read: 86_400 } },
};

const state: Gauges = {
  policies: [policy],
  providers: [
    { provider: 'aws', up: true },
    { provider: 'gcp', up: false },
  ],
};

async function samples(metrics: { render(): Promise<{ body: string }> }): Promise<readonly string[]> {
  const { body } = await metrics.render();
  return body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('events', () => {
  test('count copies, bytes and errors by policy, target and code', async () => {
    const metrics = quiet();
    metrics.copied('user-data', 'aws', 1_000);
    metrics.copied('user-data', 'aws', 500, 'repaired');
    metrics.copied('user-data', 'gcp', 0, 'adopted');
    metrics.failed('user-data', 'gcp', 'throttled');
    metrics.sourceRead('user-data', 'primary', 1_500);
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'holdfast_copies_total{policy="user-data",target="aws",outcome="copied"} 1',
        'holdfast_copies_total{policy="user-data",target="aws",outcome="repaired"} 1',
        'holdfast_copies_total{policy="user-data",target="gcp",outcome="adopted"} 1',
        'holdfast_copies_total{policy="user-data",target="gcp",outcome="failed"} 1',
        'holdfast_copied_bytes_total{policy="user-data",target="aws"} 1500',
        'holdfast_errors_total{policy="user-data",target="gcp",code="throttled"} 1',
        'holdfast_source_read_bytes_total{policy="user-data",source="primary"} 1500',
      ]),
    );
  });

  test('start from zero for declared policies, so that a first failure is a rise', async () => {
    const metrics = quiet();
    metrics.declare('user-data', 'primary', ['aws']);
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'holdfast_copies_total{policy="user-data",target="aws",outcome="failed"} 0',
        'holdfast_copied_bytes_total{policy="user-data",target="aws"} 0',
        'holdfast_source_read_bytes_total{policy="user-data",source="primary"} 0',
      ]),
    );
  });

  test('time requests and passes in seconds', async () => {
    const metrics = quiet();
    metrics.request('aws', 'put', 'ok', 0.02);
    metrics.request('aws', 'put', 'unavailable', 31);
    metrics.passFinished('user-data', 'held', 90, 1_700_000_000_000);
    expect(await samples(metrics)).toEqual(
      expect.arrayContaining([
        'holdfast_provider_request_duration_seconds_bucket{le="0.01",provider="aws",operation="put",outcome="ok"} 0',
        'holdfast_provider_request_duration_seconds_bucket{le="0.025",provider="aws",operation="put",outcome="ok"} 1',
        'holdfast_provider_request_duration_seconds_sum{provider="aws",operation="put",outcome="unavailable"} 31',
        'holdfast_pass_duration_seconds_count{policy="user-data"} 1',
        'holdfast_last_pass_timestamp_seconds{policy="user-data",outcome="held"} 1700000000',
      ]),
    );
  });
});

describe('the state of things', () => {
  test('is read at every scrape', async () => {
    const metrics = quiet();
    let lagSeconds = 1;
    metrics.onScrape(async () => ({ ...state, policies: [{ ...policy, lagSeconds: lagSeconds++ }] }));
    expect(await samples(metrics)).toContain('holdfast_lag_seconds{policy="user-data"} 1');
    expect(await samples(metrics)).toContain('holdfast_lag_seconds{policy="user-data"} 2');
  });

  test('appears under the names people graph', async () => {
    const metrics = quiet();
    metrics.onScrape(async () => state);
    expect(await samples(metrics)).toEqual([
      `holdfast_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
      'holdfast_scrape_failures_total 0',
      'holdfast_lag_seconds{policy="user-data"} 12.5',
      'holdfast_backlog_objects{policy="user-data"} 4',
      'holdfast_backlog_bytes{policy="user-data"} 4096',
      'holdfast_objects{policy="user-data"} 10',
      'holdfast_copies{policy="user-data",target="aws",state="verified"} 6',
      'holdfast_copies{policy="user-data",target="aws",state="pending"} 4',
      'holdfast_copies{policy="user-data",target="gcp",state="verified"} 10',
      'holdfast_objects_at_risk{policy="user-data",provider="aws"} 6',
      'holdfast_holds{policy="user-data"} 1',
      'holdfast_held_objects{policy="user-data"} 3',
      'holdfast_rejected_objects{policy="user-data"} 2',
      'holdfast_provider_up{provider="aws"} 1',
      'holdfast_provider_up{provider="gcp"} 0',
      'holdfast_evidence_oldest_age_seconds{policy="user-data",target="aws",method="read"} 86400',
    ]);
  });

  test('that cannot be read is absent rather than old, and the rest is served', async () => {
    const metrics = quiet();
    metrics.copied('user-data', 'aws', 1);
    metrics.onScrape(async () => state);
    await metrics.render();
    metrics.onScrape(() => Promise.reject(new Error('the catalog is locked')));
    const lines = await samples(metrics);
    expect(lines).toContain('holdfast_scrape_failures_total 1');
    expect(lines).toContain('holdfast_copied_bytes_total{policy="user-data",target="aws"} 1');
    expect(lines.filter((line) => /^holdfast_(lag|objects|provider_up)/.test(line))).toEqual([]);
  });

  test('that is not known yet is absent and not zero', async () => {
    const metrics = quiet();
    metrics.onScrape(async () => ({ ...state, policies: [{ ...policy, lagSeconds: null }] }));
    expect(await samples(metrics)).not.toContainEqual(expect.stringContaining('holdfast_lag_seconds'));
  });

  test('of what left the configuration disappears', async () => {
    const metrics = quiet();
    metrics.onScrape(async () => state);
    await metrics.render();
    metrics.onScrape(async () => ({ policies: [], providers: [] }));
    expect((await metrics.render()).body).not.toContain('user-data');
  });
});

test('two of them in one process know nothing of each other, process metrics included', async () => {
  const [one, two] = [createMetrics({ version: '1' }), createMetrics({ version: '2' })];
  one.copied('user-data', 'aws', 1);
  expect(await samples(one)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^process_resident_memory_bytes /)]),
  );
  expect(await samples(two)).not.toContainEqual(expect.stringContaining('aws'));
  expect((await two.render()).contentType).toMatch(/^text\/plain/);
});

test('no metrics are an empty page', async () => {
  noMetrics.copied('user-data', 'aws', 1);
  expect((await noMetrics.render()).body).toBe('');
});
