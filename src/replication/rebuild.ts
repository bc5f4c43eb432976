import { ProviderError } from '../objects/errors.ts';
import type { Policy } from './policy.ts';
import { rebuildKept } from './rebuild-kept.ts';
import { RebuildTally, type RebuildProblem, type RebuildReport } from './rebuild-report.ts';
import { RebuildWalk } from './rebuild-walk.ts';
import type { Site } from './site.ts';
import type { Engine } from './worker.ts';

export interface RebuildOptions {
  /** Read every copy, so that the evidence is what was read. */
  readonly deep: boolean;
  readonly onProblem: (problem: RebuildProblem) => void;
  readonly onProgress: (report: RebuildReport) => void;
}

/**
 * Fills the catalog with what the targets of a policy hold, by the copies' own records; the source is not asked, and
 * nothing is written at providers. What the catalog knows already (from a snapshot) is compared with the listings and
 * kept where nothing newer stands.
 * @throws ProviderError when it is aborted.
 */
export async function rebuild(
  engine: Engine,
  policy: Policy,
  { deep, onProblem, onProgress }: RebuildOptions,
  signal: AbortSignal,
): Promise<RebuildReport> {
  const tally = new RebuildTally(policy.name, onProblem);
  const answers = policy.targets.map(async (site) => await reached(site, tally, signal));
  const targets = (await Promise.all(answers)).filter((site) => site !== undefined);
  const plan = { targets, method: deep ? 'read' : 'attested', tally, onProgress } as const;
  await using walk = new RebuildWalk(engine, policy, plan, signal);
  await walk.run();
  const options = { method: plan.method, now: () => engine.clock.now(), onBytes: () => undefined };
  for (const site of targets) await rebuildKept(engine, policy, site, options, tally, signal);
  return tally.report;
}

/** Met as sources are met: a target would be written to, and whoever rebuilds may be allowed to read only. */
async function reached(site: Site, tally: RebuildTally, signal: AbortSignal): Promise<Site | undefined> {
  try {
    await site.connect('source', signal);
    return site;
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    tally.unreached(site.name, error.message);
    return undefined;
  }
}
