import { hostname, userInfo } from 'node:os';
import type { Decision, Hold, HoldVerdict } from '../catalog/holds.ts';
import { decideHold } from '../replication/hold.ts';
import type { Policy } from '../replication/policy.ts';
import { openReplicator, prepare, print, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatWords } from './format.ts';

/**
 * `holdfast release <policy>` and `holdfast reject <policy>`: a person says whether the change that the guard holds back
 * is right. Works on the catalog alone, beside a running daemon or without one.
 */
export async function decideCommand(decision: Decision, policyName: string, context: Context): Promise<ExitStatus> {
  await using replicator = await openReplicator(prepare(context), { forget: false });
  let status: ExitStatus = exitStatus.ok;
  for (const policy of replicator.select(policyName)) {
    const verdict = await decideHold(replicator.engine.catalog, policy, decision, whoRunsThis());
    print(`${policy.name}: ${describe(policy, verdict)}`);
    if (verdict.outcome === 'not-listed' || verdict.outcome === 'too-many') status = exitStatus.held;
  }
  return status;
}

function whoRunsThis(): string {
  return `${userName()}@${hostname()}`;
}

/** A container's user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

function describe({ name: policy, deleteAfter }: Policy, verdict: HoldVerdict): string {
  switch (verdict.outcome) {
    case 'nothing-held':
      return 'nothing is held';
    case 'released':
      return [
        `released: ${count(verdict)} at the source are taken over; copies of what vanished are ${deleteAfter === undefined ? 'kept' : 'deleted when their time is over'}`,
        ...dueDeletions(verdict.hold),
        `what was overwritten is copied by the daemon, or now by: holdfast reconcile ${policy}`,
      ].join('\n  ');
    case 'rejected':
      return [
        `rejected: ${count(verdict)} at the source are not believed; their copies stay as they are`,
        'the same change is not held again; a further change of one of them is held until somebody decides',
        ...stillHeld(verdict.hold),
        `to take it back: holdfast release ${policy}`,
      ].join('\n  ');
    case 'taken-back':
      return [
        `rejections of ${count(verdict)} are taken back`,
        `the next pass judges these changes afresh, and holds them again where they are many (holdfast reconcile ${policy}: now)`,
      ].join('\n  ');
    case 'not-listed':
      return [
        'not released: the source could not be listed to its end, so nobody knows what else would go',
        'make the source answer again; the hold then ends by itself, or shows what is left to decide',
        ...verdict.hold.reasons.map(formatWords),
      ].join('\n  ');
    case 'too-many':
      return [
        `not released: ${verdict.held} changes are noted by now, where the hold speaks of ${verdict.hold.overwritten + verdict.hold.vanished}`,
        `see the whole first: holdfast reconcile ${policy}; holdfast status ${policy}; then decide`,
      ].join('\n  ');
  }
}

function count({ overwritten, vanished }: { readonly overwritten: number; readonly vanished: number }): string {
  return `${overwritten} overwritten and ${vanished} vanished objects`;
}

function stillHeld({ sourceIdentity, listingFailed, deletions }: Hold): string[] {
  if (listingFailed === true) return ['the policy stays held until the source is listed to its end again'];
  if (deletions !== undefined) {
    return ['the deletions that are due stay held; `deletes: { mode: retain }` keeps these copies for good'];
  }
  if (sourceIdentity === undefined) return [];
  return ['the policy stays held until the source is the one it was (mount it, or name the right one), or is released'];
}

function dueDeletions({ deletions }: Hold): string[] {
  if (deletions === undefined) return [];
  return [`the copies of ${deletions.objects} objects whose time is over are deleted after the next pass`];
}
