import type { OldestEvidence } from '../catalog/counts.ts';
import type { Status, PolicyStatus } from '../replication/status.ts';
import type { DrillStatus } from '../replication/status-drills.ts';
import type { DrillGauges, Gauges, PolicyGauges } from '../telemetry/gauges.ts';

/** The status as metrics show it. `now`: milliseconds since the epoch. */
export function gaugesOf(status: Status, now: number): Gauges {
  return {
    policies: status.policies.map((policy) => policyGauges(policy, now)),
    providers: status.providers.map(({ provider, state }) => ({ provider, up: state !== 'down' })),
    snapshotAgeSeconds: Object.fromEntries(
      status.snapshots.flatMap(({ target, ageSeconds }) => (ageSeconds === null ? [] : [[target, ageSeconds]])),
    ),
  };
}

function policyGauges(policy: PolicyStatus, now: number): PolicyGauges {
  const copies: Record<string, Record<string, number>> = {};
  const ages: Record<string, Record<string, number>> = {};
  for (const [target, { oldestEvidenceAt, ...states }] of Object.entries(policy.copies)) {
    copies[target] = states;
    ages[target] = agesOf(oldestEvidenceAt, now);
  }
  return {
    policy: policy.policy,
    lagSeconds: policy.lagSeconds,
    backlogObjects: policy.pending + policy.failed + policy.damaged,
    backlogBytes: policy.backlogBytes,
    objects: policy.objects,
    copies,
    atRisk: policy.atRisk,
    holds: policy.hold === null ? 0 : 1,
    held: policy.held,
    rejected: policy.rejected,
    evidenceOldestAgeSeconds: ages,
    drills: Object.fromEntries(Object.entries(policy.drills).map(([target, drill]) => [target, drillGauges(drill)])),
  };
}

function drillGauges({ lastSuccess, failed, bytesPerSecond, recoverySeconds }: DrillStatus): DrillGauges {
  const lastSuccessSeconds = lastSuccess === null ? null : lastSuccess / 1000;
  return { lastSuccessSeconds, failedObjects: failed, bytesPerSecond, recoverySeconds };
}

function agesOf(oldest: OldestEvidence, now: number): Record<string, number> {
  const known = Object.entries(oldest).flatMap(([method, at]) => (at === null ? [] : [[method, at] as const]));
  return Object.fromEntries(known.map(([method, at]) => [method, Math.max(0, (now - at) / 1000)]));
}
