import type { Catalog } from '../catalog/catalog.ts';
import type { PolicyCounts } from '../catalog/counts.ts';
import type { DecisionEntry } from '../catalog/holds.ts';
import type { PolicyState, ProviderState } from '../catalog/policies.ts';
import type { ErrorCode } from '../objects/errors.ts';
import type { ProviderHealth } from '../providers/provider.ts';
import type { Policy } from './policy.ts';
import { openOf } from './reasons.ts';
import { promiseOf, type ScrubPromise } from './scrub-promise.ts';
import { drillStatusOf, drillTroubles, type DrillStatus } from './status-drills.ts';
import { evidenceTroubles } from './status-evidence.ts';
import { snapshotStatusOf, snapshotTroubles, type SnapshotStatus } from './status-snapshots.ts';
import type { SnapshotSettings } from './snapshots.ts';

/** The `status` document: what `holdfast status --json`, `GET /health` and `GET /api/v1/status` show. Field names are the outside's. */
export interface Status {
  readonly status: 'ok' | 'degraded' | 'failing';
  /** Why it is not ok: sentences for people. */
  readonly reasons: readonly string[];
  readonly policies: readonly PolicyStatus[];
  readonly providers: readonly ProviderStatus[];
  /** Of the catalog, by target. */
  readonly snapshots: readonly SnapshotStatus[];
}

export interface PolicyStatus {
  readonly policy: string;
  readonly objects: number;
  readonly bytes: number;
  /** Objects with at least `minCopies` verified copies. */
  readonly safe: number;
  /** Copies that are to be made or proven. */
  readonly pending: number;
  readonly failed: number;
  readonly damaged: number;
  /** Of the copies that are pending, failed or damaged. */
  readonly backlogBytes: number;
  /** Objects of which no good copy is left. */
  readonly lost: number;
  /** Objects whose change the guard holds back. */
  readonly held: number;
  /** How far the copies are behind the source: every change older than this is verified. Null before the first pass. */
  readonly lagSeconds: number | null;
  /** By provider (targets and source): objects that would be unrecoverable if it vanished now, see `catalog/losses.ts`. */
  readonly atRisk: Readonly<Record<string, number>>;
  /** Objects no longer at the source whose copies are kept. */
  readonly gone: number;
  readonly deletes: DeletesStatus;
  /** What the rolling audit promises; null when `verify.scrub` is not set. */
  readonly scrub: ScrubPromise | null;
  /** By target: restores that were rehearsed from it alone. */
  readonly drills: Readonly<Record<string, DrillStatus>>;
  /** Objects whose own bytes at the source changed though their version did not. */
  readonly sourceDamaged: number;
  /** Objects whose copies are kept although the source shows otherwise: a person rejected the change. */
  readonly rejected: number;
  readonly hold: PolicyState['hold'];
  /** What people decided about holds, the latest few, newest first. */
  readonly decisions: readonly DecisionEntry[];
  readonly lastPass: PolicyState['lastPass'];
  readonly copies: PolicyCounts['byTarget'];
}

/** What becomes of the copies of what is gone. Milliseconds since the epoch. */
export interface DeletesStatus {
  readonly mode: 'retain' | 'propagate';
  /** Objects whose time is over and of which copies are left: they are being deleted, or cannot be. */
  readonly due: number;
  /** When the time of the next object is over; a pass after that lets its copies be deleted. Null when none waits. */
  readonly nextAt: number | null;
}

export interface ProviderStatus {
  readonly provider: string;
  readonly state: 'up' | 'down' | 'degraded';
  /** As the provider said it; it may name a key. */
  readonly lastError: string | null;
  /** Of that error. */
  readonly code?: ErrorCode;
}

const decisionsShown = 5;

/** A pass that is later than this many intervals says that nobody looks any more. */
const overdueAfter = 3;
const graceMs = 5 * 60_000;

export async function readStatus(
  catalog: Catalog,
  policies: readonly Policy[],
  providers: readonly ProviderStatus[],
  now: number,
  /** What else keeps the process from being well. */
  troubles: readonly string[] = [],
  snapshot?: SnapshotSettings,
): Promise<Status> {
  const targets = policies.flatMap((policy) => policy.targets.map((site) => site.name));
  const snapshots = snapshotStatusOf(await catalog.readSnapshots(), targets, now);
  const reports = await Promise.all(policies.map(async (policy) => await reportOn(catalog, policy, now)));
  const failing = reports.flatMap((report) => report.failing);
  const degraded = [
    ...troubles,
    ...reports.flatMap((report) => report.degraded),
    ...providers.flatMap(troubleWith),
    ...(snapshot === undefined ? [] : snapshotTroubles(snapshots, snapshot)),
  ];
  return {
    status: failing.length > 0 ? 'failing' : degraded.length > 0 ? 'degraded' : 'ok',
    reasons: [...failing, ...degraded],
    policies: reports.map((report) => report.status),
    providers,
    snapshots,
  };
}

export function providerStatus(provider: string, { state, lastError }: ProviderHealth): ProviderStatus {
  if (lastError === null) return { provider, state, lastError };
  return { provider, state, lastError: lastError.message, code: lastError.code };
}

/** What the catalog remembers of the providers, for a process that does not work with them itself. */
export function rememberedProviders(states: readonly ProviderState[], names: readonly string[]): ProviderStatus[] {
  return names.flatMap((name) => {
    const state = states.find((candidate) => candidate.provider === name);
    if (state === undefined) return [];
    return [providerStatus(name, state)];
  });
}

interface Report {
  readonly status: PolicyStatus;
  readonly failing: readonly string[];
  readonly degraded: readonly string[];
}

async function reportOn(catalog: Catalog, policy: Policy, now: number): Promise<Report> {
  const state = await catalog.readPolicy(policy.name);
  const counts = await catalog.counts(policy.name);
  const decisions = await catalog.decisions(policy.name, { limit: decisionsShown });
  const deletes = await deletesOf(catalog, policy, state);
  const drills = drillStatusOf(await catalog.drills.read(policy.name), policy, now);
  const status = { ...describe(policy, state, counts, now), decisions, deletes, drills };
  return {
    status,
    failing: failures(status, policy, state, now),
    degraded: [
      ...troubles(status, policy),
      ...backlog(status, policy, counts, now),
      ...evidenceTroubles(status, now),
      ...drillTroubles(policy.name, drills),
    ],
  };
}

function describe(
  policy: Policy,
  state: PolicyState,
  counts: PolicyCounts,
  now: number,
): Omit<PolicyStatus, 'decisions' | 'deletes' | 'drills'> {
  const { objects, bytes, safe, gone, lost, observed, copies, byTarget, atRisk } = counts;
  return {
    policy: policy.name,
    objects,
    bytes,
    safe,
    pending: copies.pending + copies.unproven,
    failed: copies.failed,
    damaged: copies.damaged,
    backlogBytes: counts.backlogBytes,
    lost,
    held: state.hold === null ? 0 : observed,
    lagSeconds: lagSeconds(state, counts, now),
    atRisk,
    gone,
    // All targets' copies of what the source has: what is gone or not yet verified makes little difference.
    scrub: policy.scrub === undefined ? null : promiseOf(policy.scrub, bytes * policy.targets.length),
    sourceDamaged: counts.sourceDamaged,
    rejected: counts.rejected,
    hold: state.hold,
    lastPass: state.lastPass,
    copies: byTarget,
  };
}

async function deletesOf(catalog: Catalog, { name, deleteAfter }: Policy, state: PolicyState): Promise<DeletesStatus> {
  if (deleteAfter === undefined) return { mode: 'retain', due: 0, nextAt: null };
  const { until = null, since = 0 } = state.lastPass?.deletes ?? {};
  const waiting = await catalog.countGone(name, { after: until ?? undefined });
  const due = until === null ? 0 : (await catalog.countGone(name, { until })).objects;
  const nextAt = waiting.oldestAt === null ? null : Math.max(waiting.oldestAt, since) + deleteAfter;
  return { mode: 'propagate', due, nextAt };
}

/** Computed from the clock when asked, so that a dead loop shows as growing lag. */
function lagSeconds(state: PolicyState, counts: PolicyCounts, now: number): number | null {
  if (state.lastCompletePassAt === null) return null;
  const since = Math.min(state.lastCompletePassAt, counts.oldestPendingSince ?? Infinity);
  return Math.max(0, Math.ceil((now - since) / 1000));
}

function failures(status: PolicyStatus, policy: Policy, state: PolicyState, now: number): string[] {
  const reasons: string[] = [];
  const { policy: name } = status;
  if (status.lost > 0) {
    reasons.push(
      `${name}: ${status.lost} objects are lost: no good copy is left; see "holdfast inspect ${name} <key>"`,
    );
  }
  const looked = state.lastPass?.finishedAt ?? null;
  // While the targets are listed too, which may take hours, no other pass ends. (A clock that was set tells anything.)
  const underWay = 2 * Math.max(0, Math.min(state.lastPass?.fullTook ?? 0, policy.detect.full));
  if (looked !== null && now - looked > patience(policy) + underWay) {
    const minutes = Math.round((now - looked) / 60_000);
    reasons.push(`${name}: nobody has looked at the source for ${minutes} minutes; is the daemon running?`);
  }
  return reasons;
}

function troubles(status: PolicyStatus, policy: Policy): string[] {
  const { policy: name, hold, lastPass } = status;
  const reasons: string[] = [];
  if (lastPass === null) reasons.push(`${name}: no pass has finished yet`);
  const more = `see "holdfast status ${name}"`;
  for (const reason of hold === null ? [] : openOf(hold)) reasons.push(`${name}: held: ${reason}; ${more}`);
  if (hold === null && lastPass !== null && lastPass.outcome !== 'complete') {
    const decision = status.decisions.find(({ at }) => at >= lastPass.finishedAt);
    if (decision === undefined) for (const reason of openOf(lastPass)) reasons.push(`${name}: ${reason}`);
    else reasons.push(`${name}: the hold was ${decision.decision} by ${decision.by}; no pass has looked since`);
  }
  if (status.damaged > 0) reasons.push(`${name}: ${status.damaged} copies are damaged or missing and wait for repair`);
  if (status.failed > 0) reasons.push(`${name}: ${status.failed} copies failed; see "holdfast status ${name}"`);
  const unsafe = status.objects - status.safe;
  if (unsafe > 0) reasons.push(`${name}: ${unsafe} objects have fewer than ${policy.minCopies} verified copies`);
  return reasons;
}

/** Copies that wait much longer than they should, with safe objects or not: a target that takes nothing must show. */
function backlog({ policy: name, pending }: PolicyStatus, policy: Policy, counts: PolicyCounts, now: number): string[] {
  const { oldestPendingSince: since } = counts;
  if (pending === 0 || since === null || now - since <= patience(policy)) return [];
  const minutes = Math.round((now - since) / 60_000);
  return [`${name}: ${pending} copies wait, the oldest for ${minutes} minutes; see "holdfast status ${name}"`];
}

/** Milliseconds after which something should have happened. */
function patience({ detect }: Policy): number {
  return detect.every * overdueAfter + graceMs;
}

/** No message of the provider's, which may name a key: anybody may read it. */
function troubleWith({ provider, state, code }: ProviderStatus): string[] {
  if (state === 'up') return [];
  return [`provider ${provider} is ${state}${code === undefined ? '' : ` (${code})`}; see "holdfast status"`];
}
