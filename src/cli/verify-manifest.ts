import { createReadStream } from 'node:fs';
import { systemClock } from '../objects/clock.ts';
import { errorMessage, UsageError } from '../objects/errors.ts';
import { checkManifest } from '../replication/manifest-check.ts';
import { ManifestReader } from '../replication/manifest-read.ts';
import type { Policy } from '../replication/policy.ts';
import type { Site } from '../replication/site.ts';
import type { AuditProblem, VerifyReport } from '../replication/verify-report.ts';
import { openPlaces, selectPolicies } from '../replicator.ts';
import { noMetrics } from '../telemetry/metrics.ts';
import { prepare, type Context } from './context.ts';
import { ProgressLine } from './progress.ts';
import type { VerifyCommand } from './verify.ts';

export interface ManifestVerdict {
  readonly report: VerifyReport;
  /** Of the manifest; undefined for a list of sums. */
  readonly merkleRoot: string | undefined;
}

/** `holdfast verify [policy] --manifest <file>`: needs no catalog. */
export async function verifyManifest(
  policyName: string | undefined,
  file: string,
  { target, deep = false, sample, prefix }: VerifyCommand,
  onProblem: (problem: AuditProblem) => void,
  context: Context,
): Promise<ManifestVerdict> {
  if (sample !== undefined) throw new UsageError('--sample does not go with --manifest, which looks at every object');
  const { config, log, lacking } = prepare(context, target);
  await using places = await openPlaces(config, { log, metrics: noMetrics, lacking });
  const [policy, another] = selectPolicies(places.policies, policyName);
  if (policy === undefined || another !== undefined) throw new UsageError('say of which policy the manifest is');
  using progress = new ProgressLine();
  const options = {
    ...{ sites: sitesOf(policy, target), deep, clock: systemClock, concurrency: config.limits.concurrency, onProblem },
    onProgress: progress.showAudit.bind(progress),
    ...(prefix === undefined ? {} : { prefix }),
  };
  const manifest = new ManifestReader(file, bytesOf(file));
  const report = await checkManifest(manifest, policy, options, context.signal);
  return { report, merkleRoot: manifest.merkleRoot };
}

/** @throws UsageError for a place that the policy does not have. */
function sitesOf({ source, targets }: Policy, names: readonly string[] | undefined): readonly Site[] {
  if (names === undefined) return targets;
  return names.map((name) => {
    const site = [source, ...targets].find((candidate) => candidate.name === name);
    if (site === undefined) throw new UsageError(`--target ${name}: the policy has no such place`);
    return site;
  });
}

async function* bytesOf(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of createReadStream(file)) yield chunk as Uint8Array;
  } catch (error) {
    throw new UsageError(`--manifest: ${errorMessage(error)}`);
  }
}
