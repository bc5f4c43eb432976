import type { KeptVersion } from '../catalog/kept.ts';
import { ProviderError } from '../objects/errors.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { undecidedFor } from './keep.ts';
import { historyPrefix, withoutKey } from './kept-name.ts';
import type { Policy } from './policy.ts';
import type { ProveOptions } from './prove.ts';
import type { RebuildTally } from './rebuild-report.ts';
import type { Site } from './site.ts';
import { hear } from './testimony.ts';
import type { Engine } from './worker.ts';

/**
 * Makes known again what is kept of replaced versions at a target, so that it can be had and goes when its time is over: as
 * much later than it was replaced as the policy keeps what it replaces now. Where the copy does not tell when that was, its
 * time begins anew: a filesystem shows the time of what was kept, which may be years ago. What a bucket's own versioning keeps is not found.
 */
export async function rebuildKept(
  engine: Engine,
  policy: Policy,
  site: Site,
  options: ProveOptions,
  tally: RebuildTally,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const { entries } of site.provider.list({ prefix: historyPrefix }, signal)) {
      for (let at = 0; at < entries.length; at += engine.concurrency.value) {
        const some = entries.slice(at, at + engine.concurrency.value);
        const noted = some.map(async (entry) => await noteAgain(engine, policy, site, entry, options, signal));
        tally.add('kept', (await Promise.all(noted)).filter(Boolean).length);
      }
    }
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    tally.unreached(site.name, `what is kept of replaced versions could not be listed: ${error.message}`);
  }
}

/** @returns whether it is a kept version of this policy's. */
async function noteAgain(
  { catalog }: Engine,
  policy: Policy,
  site: Site,
  entry: ObjectInfo,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const heard = await hear(site, entry.key, entry, options, signal);
  if (heard?.said === undefined) return false;
  const { said, version, holds } = heard;
  const { key, attributes, replacedAt = options.now() } = withoutKey(said.attributes);
  if (key === undefined || !key.startsWith(policy.prefix) || !policy.includes(key)) return false;
  const known = await catalog.keptOf(policy.name, key);
  if (known.some(({ target, place }) => target === site.name && place.by === 'holdfast' && place.key === entry.key)) {
    return true;
  }
  const kept: KeptVersion = {
    ...{ key, target: site.name, place: { by: 'holdfast', key: entry.key, version } },
    ...{ size: said.of.size, sha256: said.digest.sha256, attributes },
    ...{ sourceVersion: said.of.version, modifiedAt: said.of.modifiedAt },
    ...{ replacedAt, expiresAt: replacedAt + (policy.history ?? undecidedFor) },
    evidence: holds.state === 'right' ? holds.evidence : null,
  };
  return await catalog.noteKept(policy.name, kept);
}
