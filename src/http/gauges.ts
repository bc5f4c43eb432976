import type { Status, PolicyStatus } from '../replication/status.ts';
import type { Gauges, PolicyGauges } from '../telemetry/gauges.ts';

/** The status as metrics show it. `now`: milliseconds since the epoch. */
export function gaugesOf(status: Status, now: number): Gauges {
  return {
    policies: status.policies.map((policy) => policyGauges(policy, now)),
    providers: status.providers.map(({ provider, state }) => ({ provider, up: state !== 'down' })),
  };
}

function policyGauges(policy: PolicyStatus, now: number): PolicyGauges {
  const copies: Record<string, Record<string, number>> = {};
  const ages: Record<string, number> = {};
  for (const [target, { oldestEvidenceAt, ...states }] of Object.entries(policy.copies)) {
    copies[target] = states;
    if (oldestEvidenceAt !== null) ages[target] = Math.max(0, (now - oldestEvidenceAt) / 1000);
  }
  return {
    policy: policy.policy,
    lagSeconds: policy.lagSeconds,
    backlogObjects: policy.pending + policy.failed + policy.damaged,
    objects: policy.objects,
    copies,
    atRisk: policy.atRisk,
    holds: policy.hold === null ? 0 : 1,
    evidenceOldestAgeSeconds: ages,
  };
}
