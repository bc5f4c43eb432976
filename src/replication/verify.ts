import { ProviderError } from '../objects/errors.ts';
import { narrowest, type Policy } from './policy.ts';
import type { Site } from './site.ts';
import { VerifyTally, type AuditProblem, type VerifyReport } from './verify-report.ts';
import { VerifyWalk, type VerifyPlaces } from './verify-walk.ts';
import type { Engine } from './worker.ts';

export interface VerifyOptions {
  /** Names of the places to look at: targets, and the source (which only a deep audit reads). Default: all. */
  readonly places?: readonly string[];
  readonly prefix?: string;
  /** The share of the copies that are read from first byte to last: 1 for all, 0 for none. */
  readonly read: number;
  readonly onProblem: (problem: AuditProblem) => void;
  readonly onProgress: (report: VerifyReport) => void;
}

/**
 * Compares every copy with the catalog; writes nothing at providers. What it finds goes to the catalog: fresh evidence,
 * and damage for the daemon to repair.
 * @throws ProviderError when it is aborted.
 */
export async function verify(
  engine: Engine,
  policy: Policy,
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<VerifyReport> {
  const tally = new VerifyTally(policy.name, options.onProblem);
  const prefix = narrowest(policy.prefix, options.prefix ?? policy.prefix);
  if (prefix === undefined) return tally.report;
  const places = await reach(policy, options, signal);
  const { read, onProgress } = options;
  await using walk = new VerifyWalk(engine, policy, { prefix, places, read, tally, onProgress }, signal);
  await walk.run();
  return tally.report;
}

/** Met as sources are met: targets would be written to, to find out what they attest. */
async function reach(policy: Policy, { places, read }: VerifyOptions, signal: AbortSignal): Promise<VerifyPlaces> {
  const wanted = (site: Site): boolean => places === undefined || places.includes(site.name);
  const targets = policy.targets.filter(wanted);
  const source = read > 0 && wanted(policy.source) ? policy.source : undefined;
  const unreached = new Map<string, ProviderError>();
  await Promise.all(
    [...targets, source ?? []].flat().map(async (site) => {
      try {
        await site.connect('source', signal);
      } catch (error) {
        if (!(error instanceof ProviderError) || signal.aborted) throw error;
        unreached.set(site.name, error);
      }
    }),
  );
  return { targets, unreached, source };
}
