import type { Finding } from '../catalog/findings.ts';
import type { Hold, PassSummary } from '../catalog/policies.ts';
import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import { Leash } from '../objects/leash.ts';
import type { ProviderRole } from '../providers/provider.ts';
import { detect, type Seen } from './detect.ts';
import { judge } from './guard.ts';
import { narrowest, type Policy } from './policy.ts';
import type { Site } from './site.ts';
import type { Engine } from './worker.ts';

/** How long a pass waits for a target to be reached, in milliseconds. */
const connectWithin = 15_000;

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
  const seen =
    sourceReached && prefix !== undefined
      ? await detect(catalog, policy, { ...options, asOf: startedAt, prefix, targets, record }, log, signal)
      : nothingSeen(unreached.get(policy.source.name));
  for (const site of policy.targets) {
    const failure = unreached.get(site.name);
    if (failure !== undefined) seen.targetFailures.set(site.name, failure);
  }
  const decision = await decide(engine, policy, seen, options, prefix);
  const summary = summarize(startedAt, clock.now(), seen, decision);
  if (!options.dryRun) await remember(engine, policy, seen, summary, decision, options);
  return { seen, summary, hold: decision.hold, found };
}

async function reached(
  site: Site,
  role: ProviderRole,
  unreached: Map<string, ProviderError>,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if (role === 'source') await site.connect(role, signal);
    else await connectSoon(site, clock, signal);
    return true;
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    unreached.set(site.name, error);
    return false;
  }
}

/** A target that does not answer holds up nobody: it goes on being reached while the pass does without it. */
async function connectSoon(site: Site, clock: Clock, signal: AbortSignal): Promise<void> {
  using timer = new Leash(signal);
  const late = async (): Promise<never> => {
    await clock.sleep(connectWithin, timer.signal);
    const message = `${site.name} did not answer within ${connectWithin / 1000} s; its copies wait`;
    throw new ProviderError('unavailable', message, { provider: site.name });
  };
  try {
    await Promise.race([site.connect('target', signal), late()]);
  } finally {
    timer.abort(new Error('it answered'));
  }
}

async function sitesReached(sites: readonly Site[], reach: (site: Site) => Promise<boolean>): Promise<Site[]> {
  const answers = await Promise.all(sites.map(async (site) => ((await reach(site)) ? site : undefined)));
  return answers.filter((site) => site !== undefined);
}

function nothingSeen(sourceFailure: ProviderError | undefined): Seen {
  return {
    listed: 0,
    bytes: 0,
    known: 0,
    overwritten: 0,
    vanished: 0,
    inPlace: 0,
    unexpected: 0,
    ignored: 0,
    sample: [],
    sourceFailure,
    targetFailures: new Map(),
  };
}

interface Decision {
  readonly hold: Hold | undefined;
  /** Others noted changes after these were judged: all of them are left for the next pass, and so is a release. */
  readonly postponed: boolean;
}

async function decide(
  { catalog, clock }: Engine,
  policy: Policy,
  seen: Seen,
  options: PassOptions,
  prefix: string | undefined,
): Promise<Decision> {
  const state = await catalog.readPolicy(policy.name);
  const counts = await catalog.counts(policy.name);
  // A look at a part of the keys cannot lift what a look at all of them holds.
  if (options.prefix !== undefined && state.hold !== null && state.hold.released !== true) {
    return { hold: state.hold, postponed: false };
  }
  // A walk that broke off did not see all rows; the catalog knows how many there are.
  const known = seen.sourceFailure === undefined ? seen.known : counts.objects;
  const { listed, overwritten, vanished, sample, sourceFailure } = seen;
  const sourceIdentity = identityOf(policy);
  const preflight = {
    ...(sourceFailure === undefined ? {} : { listingFailed: sourceFailure.message }),
    listed,
    known,
    overwritten,
    vanished,
    // Another process may have noted more since this walk went by; letting it through would be unseen.
    undecided: counts.observed,
    sample,
    sourceIdentity,
  };
  const hold = judge(preflight, state, policy.guard, clock.now());
  const letThrough = hold === undefined && sourceFailure === undefined && prefix !== undefined && !options.dryRun;
  if (!letThrough) return { hold, postponed: false };
  const applied = await catalog.decideObserved(policy.name, 'apply', { prefix, atMost: counts.observed });
  return { hold, postponed: applied === null };
}

function summarize(startedAt: number, finishedAt: number, seen: Seen, { hold, postponed }: Decision): PassSummary {
  const failures = [...seen.targetFailures.values()].map((error) => `${error.provider}: ${error.message}`);
  if (hold !== undefined) return { startedAt, finishedAt, outcome: 'held', reasons: [...hold.reasons, ...failures] };
  const reasons = seen.sourceFailure === undefined ? failures : [seen.sourceFailure.message, ...failures];
  if (postponed)
    reasons.push('more changes were noted while this pass decided; the next pass decides about all of them');
  return { startedAt, finishedAt, outcome: reasons.length === 0 ? 'complete' : 'incomplete', reasons };
}

async function remember(
  { catalog }: Engine,
  policy: Policy,
  seen: Seen,
  summary: PassSummary,
  { hold, postponed }: Decision,
  options: PassOptions,
): Promise<void> {
  const whole = options.prefix === undefined;
  const decided = hold === undefined && seen.sourceFailure === undefined && !postponed;
  await catalog.updatePolicy(policy.name, {
    // A pass over a part of the keys neither lifts a hold on the rest nor counts as a look at everything.
    ...(whole ? { lastPass: summary } : {}),
    ...(hold !== undefined || (whole && !postponed) ? { hold: hold ?? null } : {}),
    ...(whole && decided ? { lastCompletePassAt: summary.startedAt, sourceIdentity: identityOf(policy) } : {}),
  });
}

/** Where the source is, and which of the places that were ever found there it is. */
function identityOf({ source, sourceIdentity }: Policy): string {
  return source.identity === undefined ? sourceIdentity : `${sourceIdentity} ${source.identity}`;
}
