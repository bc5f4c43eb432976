import type { ExpiredClaim, KeptVersion } from '../catalog/kept.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Provider } from '../providers/provider.ts';
import { asProviderError } from './copy-job.ts';
import { historyPrefix } from './kept-name.ts';
import type { Policy } from './policy.ts';
import { headIfThere } from './prove.ts';
import { isSteady } from './steady.ts';
import type { Engine } from './worker.ts';

/** How long a claim lasts, and how long after claiming a delete may still be sent; in milliseconds. */
const leaseMs = 10 * 60_000;
const freshFor = 5 * 60_000;

/** Deletes at once. */
const together = 16;

/** After so many failures on end a target is left alone until the next round. */
const tolerated = 20;

/**
 * One round over the kept versions whose time is over, also of a policy that keeps nothing any more. While the policy is
 * held nothing goes: what came before the changes that a person looks at may be just what is wanted. Nor does anything
 * while the clock is not to be believed.
 * @returns how many went.
 */
export async function expireKept(engine: Engine, policy: Policy, signal: AbortSignal): Promise<number> {
  const failures = new Map<string, number>();
  let gone = 0;
  while (!signal.aborted) {
    const targets = policy.targets
      .filter(({ available, name }) => available && (failures.get(name) ?? 0) < tolerated)
      .map(({ name }) => name);
    const state = await engine.catalog.readPolicy(policy.name);
    if (targets.length === 0 || state.hold !== null || !isSteady(state, engine.clock.now())) break;
    const claims = await engine.catalog.claimExpired({ policy: policy.name, targets, limit: together, leaseMs });
    if (claims.length === 0) break;
    const until = engine.clock.now() + freshFor;
    const isFresh = (): boolean => engine.clock.now() < until && !signal.aborted;
    const ended = await Promise.all(claims.map(async (claim) => await expire(engine, policy, claim, isFresh, signal)));
    const done = claims.filter((_, index) => ended[index] === true);
    await engine.catalog.forgetKept(done);
    gone += done.length;
    for (const { kept } of done) failures.delete(kept.target);
    for (const { kept } of claims.filter((claim) => !done.includes(claim)))
      failures.set(kept.target, (failures.get(kept.target) ?? 0) + 1);
  }
  if (gone > 0) engine.log.info({ policy: policy.name, gone }, 'kept versions whose time was over are gone');
  return gone;
}

/** @returns whether it is gone. What is not is claimed again when the claim has run out. */
async function expire(
  { log }: Engine,
  policy: Policy,
  { kept }: ExpiredClaim,
  isFresh: () => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const { target, place, key } = kept;
  // What the bucket keeps, it deletes by its own rules.
  if (place.by === 'provider') return true;
  const site = policy.targets.find(({ name }) => name === target);
  if (site === undefined) return false;
  try {
    return await deleteKept(site.provider, place, isFresh, signal);
  } catch (thrown) {
    const error = asProviderError(thrown, target, key);
    if (error.code === 'aborted') return false;
    log.warn(
      { policy: policy.name, target, key, code: error.code },
      `a kept version was not deleted: ${error.message}`,
    );
    return false;
  }
}

async function deleteKept(
  provider: Provider,
  { key }: Extract<KeptVersion['place'], { by: 'holdfast' }>,
  isFresh: () => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  requireKept(provider, key);
  // An attempt that was cut short may have left what the catalog does not know; all that stands here is ours.
  const standing = await headIfThere(provider, key, signal);
  if (standing === undefined) return true;
  if (!isFresh()) return false;
  await provider.delete(key, { precondition: { version: standing.version } }, signal);
  return true;
}

/** The one thing that keeps age from ever deleting a copy. */
function requireKept(provider: Provider, key: Key): void {
  if (key.startsWith(historyPrefix)) return;
  const message = `${key} is not below ${historyPrefix}, where alone kept versions are deleted`;
  throw new ProviderError('invalid', message, { provider: provider.name, key });
}
