import type { Finding } from '../catalog/findings.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Hold } from '../catalog/holds.ts';
import type { PassSummary } from '../catalog/policies.ts';
import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { ProviderRole } from '../providers/provider.ts';
import { connectSoon } from './connect-soon.ts';
import { planDeletions, windowAfter, type DeletionPlan } from './deletion-plan.ts';
import { detect } from './detect.ts';
import { judge } from './guard.ts';
import { narrowest, type Policy } from './policy.ts';
import { nothingSeen, type Seen } from './seen.ts';
import type { Site } from './site.ts';
import { steadyAfter } from './steady.ts';
import { bothOf, failed, openOf, plain, type Reason } from './reasons.ts';
import { notYetComparable, withheld } from './unidentified.ts';
import type { Engine } from './worker.ts';

export interface PassOptions {
  /** Only keys below. */
  readonly prefix?: string;
  /** List the targets too, not only the source. */
  readonly full: boolean;
  /** Read every copy back. */
  readonly deep: boolean;
  /** Look only: nothing is written, neither at providers nor in the catalog. */
  readonly dryRun: boolean;
  readonly onProgress: (seen: Seen) => void;
}

export interface Pass {
  readonly seen: Seen;
  readonly summary: PassSummary;
  readonly hold: Hold | undefined;
  /** Findings by kind: what a dry run would do. */
  readonly found: ReadonlyMap<Finding['kind'], number>;
}

/**
 * One look at the whole policy: what is new flows at once; what was overwritten or vanished is only noted while
 * walking, and takes effect at the end if the guard, knowing the whole pass, lets it through.
 */
export async function runPass(
  engine: Engine,
  policy: Policy,
  options: PassOptions,
  signal: AbortSignal,
): Promise<Pass> {
  const { catalog, clock, log } = engine;
  const startedAt = clock.now();
  const decidedUpTo = await newestDecision(catalog, policy);
  const prefix = narrowest(policy.prefix, options.prefix ?? policy.prefix);
  const found = new Map<Finding['kind'], number>();
  const unreached = new Map<string, ProviderError>();
  const reach = async (site: Site, role: ProviderRole): Promise<boolean> =>
    await reached(site, role, unreached, clock, signal);
  // A dry run must not leave canaries behind, so that it meets targets as it meets sources.
  const role = options.dryRun ? 'source' : 'target';
  const sourceReached = await reach(policy.source, 'source');
  const targets = options.full ? await sitesReached(policy.targets, async (site) => await reach(site, role)) : [];
  const record = async (findings: readonly Finding[]): Promise<void> => {
    for (const { kind } of findings) found.set(kind, (found.get(kind) ?? 0) + 1);
    if (!options.dryRun) await catalog.record(policy.name, findings);
  };
  const byRanges = !options.deep && (await wasOnceComplete(catalog, policy));
  const walk = { ...options, asOf: startedAt, byRanges, clock, targets, record };
  const seen =
    sourceReached && prefix !== undefined
      ? await detect(catalog, policy, { ...walk, prefix }, log, signal)
      : nothingSeen(unreached.get(policy.source.name));
  for (const site of policy.targets) {
    const failure = unreached.get(site.name);
    if (failure !== undefined) seen.targetFailures.set(site.name, failure);
  }
  // A look at a part of the keys lets nothing be deleted.
  const plan = options.prefix === undefined ? await planDeletions(catalog, policy, startedAt) : undefined;
  const added = found.get('new') ?? 0;
  const decision = await decide(engine, policy, seen, options, { prefix, sourceReached, decidedUpTo, added, plan });
  const finishedAt = clock.now();
  const before = (await catalog.readPolicy(policy.name)).lastPass;
  const fullTook = options.full ? finishedAt - startedAt : before?.fullTook;
  const summary = summarize(
    { startedAt, finishedAt, steady: steadyAfter(before, finishedAt), ...(fullTook !== undefined && { fullTook }) },
    seen,
    decision,
    plan,
  );
  if (!options.dryRun) await remember(engine, policy, seen, summary, decision, options, decidedUpTo);
  return { seen, summary, hold: decision.hold, found };
}

/**
 * Records what is new at the source, and nothing else: for the time that a whole pass takes, so that new objects do not
 * wait for the slowest listing of a target. It decides nothing; what it saw, the pass sees too. Before a first pass was
 * complete it records nothing: to a catalog that was lost all is new, and only the pass sees what the targets have of it.
 */
export async function glance(
  { catalog, clock, log }: Engine,
  policy: Policy,
  onProgress: (seen: Seen) => void,
  signal: AbortSignal,
): Promise<void> {
  if (!(await wasOnceComplete(catalog, policy))) return;
  await policy.source.connect('source', signal);
  const record = async (findings: readonly Finding[]): Promise<void> => {
    const added = findings.filter(({ kind }) => kind === 'new');
    if (added.length > 0) await catalog.record(policy.name, added);
  };
  const plan = {
    onlyNew: true,
    byRanges: true,
    deep: false,
    asOf: clock.now(),
    prefix: policy.prefix,
    targets: [],
    clock,
    record,
    onProgress,
  };
  await detect(catalog, policy, plan, log, signal);
}

async function wasOnceComplete(catalog: Engine['catalog'], { name }: Policy): Promise<boolean> {
  return (await catalog.readPolicy(name)).lastCompletePassAt !== null;
}

async function reached(
  site: Site,
  role: ProviderRole,
  unreached: Map<string, ProviderError>,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  if (role === 'target' && site.isAway) {
    const error = site.health().lastError;
    const message = `it does not answer; its copies wait${error === null ? '' : `: ${error.message}`}`;
    unreached.set(site.name, new ProviderError('unavailable', message, { provider: site.name }));
    return false;
  }
  try {
    if (role === 'source') await site.connect(role, signal);
    else await connectSoon(site, role, clock, signal);
    return true;
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    unreached.set(site.name, error);
    return false;
  }
}

async function sitesReached(sites: readonly Site[], reach: (site: Site) => Promise<boolean>): Promise<Site[]> {
  const answers = await Promise.all(sites.map(async (site) => ((await reach(site)) ? site : undefined)));
  return answers.filter((site) => site !== undefined);
}

async function newestDecision(catalog: Catalog, policy: Policy): Promise<number> {
  const [newest] = await catalog.decisions(policy.name, { limit: 1 });
  return newest?.id ?? 0;
}

interface Decision {
  readonly hold: Hold | undefined;
  /** Why all changes are left for the next pass to judge. */
  readonly postponed: Reason | undefined;
}

interface Circumstances {
  /** Undefined when no key of the policy was asked for. */
  readonly prefix: string | undefined;
  readonly sourceReached: boolean;
  /** New objects that the pass found and recorded. */
  readonly added: number;
  /** The newest decision of a person's when the pass began. */
  readonly decidedUpTo: number;
  readonly plan: DeletionPlan | undefined;
}

const notedMeanwhile = plain(
  'more changes were noted while this pass decided; the next pass decides about all of them',
);
const decidedMeanwhile = plain(
  'a person decided about the hold while this pass went on; the next pass judges what is left',
);

async function decide(
  { catalog, clock }: Engine,
  policy: Policy,
  seen: Seen,
  options: PassOptions,
  { prefix, sourceReached, decidedUpTo, added, plan }: Circumstances,
): Promise<Decision> {
  const state = await catalog.readPolicy(policy.name);
  const counts = await catalog.counts(policy.name);
  // What this pass counted was counted before the decision.
  if ((await newestDecision(catalog, policy)) !== decidedUpTo) return { hold: undefined, postponed: decidedMeanwhile };
  // A look at a part of the keys cannot lift what a look at all of them holds.
  if (options.prefix !== undefined && state.hold !== null) return { hold: state.hold, postponed: undefined };
  // A walk that broke off did not see all rows; the catalog knows how many there are.
  const knownInAll = Math.max(0, counts.objects - (options.dryRun ? 0 : added));
  const known = seen.sourceFailure === undefined ? seen.known : knownInAll;
  const { listed, overwritten, vanished, sample, sourceFailure } = seen;
  const preflight = {
    ...(sourceFailure === undefined ? {} : { listingFailed: sourceFailure }),
    listed,
    known,
    knownInAll: options.prefix === undefined ? known : knownInAll,
    catalogued: counts.objects + counts.gone,
    overwritten,
    vanished,
    // Another process may have noted more since this walk went by; letting it through would be unseen.
    undecided: counts.observed,
    contested: Math.max(seen.contested, counts.contested),
    ...(plan === undefined || plan.until === null ? {} : { deletions: { ...plan.due, until: plan.until } }),
    sample,
    sourceIdentity: sourceReached ? identityOf(policy) : undefined,
  };
  const hold = judge(preflight, state, policy.guard, clock.now());
  const { incomparable } = seen;
  const why =
    hold === undefined
      ? undefined
      : await notYetComparable(catalog, policy, preflight, incomparable, state, counts, clock.now());
  if (why !== undefined) return { hold: undefined, postponed: why };
  const unclear =
    hold === undefined ? await withheld(catalog, policy, preflight, state, counts, clock.now()) : undefined;
  if (unclear !== undefined) return { hold: undefined, postponed: undefined, ...unclear };
  const letThrough = hold === undefined && sourceFailure === undefined && prefix !== undefined && !options.dryRun;
  if (!letThrough) return { hold, postponed: undefined };
  const applied = await catalog.decideObserved(policy.name, 'apply', { prefix, atMost: counts.observed });
  return { hold, postponed: applied === null ? notedMeanwhile : undefined };
}

function summarize(
  took: Pick<PassSummary, 'startedAt' | 'finishedAt' | 'fullTook' | 'steady'>,
  seen: Seen,
  { hold, postponed }: Decision,
  plan: DeletionPlan | undefined,
): PassSummary {
  const decided = hold === undefined && seen.sourceFailure === undefined && postponed === undefined;
  const times = { ...took, ...(plan === undefined ? {} : { deletes: windowAfter(plan, decided) }) };
  const failures = [...seen.targetFailures.values()].map((error) => failed(error.provider, error));
  if (hold !== undefined) {
    const { reasons, openReasons } = bothOf(failures);
    const open = [...openOf(hold), ...openReasons];
    return { ...times, outcome: 'held', reasons: [...hold.reasons, ...reasons], openReasons: open };
  }
  const { sourceFailure: source } = seen;
  const ofSource = source === undefined ? [] : [{ full: source.message, open: `the source failed (${source.code})` }];
  const reasons = [...ofSource, ...failures, ...(postponed === undefined ? [] : [postponed])];
  return { ...times, outcome: reasons.length === 0 ? 'complete' : 'incomplete', ...bothOf(reasons) };
}

async function remember(
  { catalog }: Engine,
  policy: Policy,
  seen: Seen,
  summary: PassSummary,
  { hold, postponed }: Decision,
  options: PassOptions,
  decidedUpTo: number,
): Promise<void> {
  const whole = options.prefix === undefined;
  const judged = postponed === undefined;
  const decided = hold === undefined && seen.sourceFailure === undefined && judged;
  const change = {
    // A pass over a part of the keys neither lifts a hold on the rest nor counts as a look at everything.
    ...(whole ? { lastPass: summary } : {}),
    ...(hold !== undefined || (whole && judged) ? { hold: hold ?? null } : {}),
    ...(whole && decided ? { lastCompletePassAt: summary.startedAt, sourceIdentity: identityOf(policy) } : {}),
  };
  await catalog.updatePolicy(policy.name, change, { decidedUpTo });
}

/** Where the source is, and which of the places that were ever found there it is. */
export function identityOf({ source, sourceIdentity }: Pick<Policy, 'source' | 'sourceIdentity'>): string {
  return source.identity === undefined ? sourceIdentity : `${sourceIdentity} ${source.identity}`;
}
