import type { DrillFailure } from '../catalog/drills.ts';
import { UsageError } from '../objects/errors.ts';
import type { DrillEnd } from '../replication/drill.ts';
import { drillNow } from '../replication/drills.ts';
import type { DrillSettings, Policy } from '../replication/policy.ts';
import { openReplicator, prepare, print, printJson, type Context } from './context.ts';
import { describeFailure, describePace, describeTooLarge } from './drill-text.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatBytes, formatWords } from './format.ts';

export interface DrillCommand {
  readonly target?: readonly string[];
  readonly json?: boolean;
}

/** Of a policy without `drill`; as the configuration's own defaults. */
const byHand: Omit<DrillSettings, 'every'> = { sample: 100, bytes: 1024 ** 3 };

/** Failures that one JSON document names, per target. */
const namedAtMost = 1000;

/** `holdfast drill [policy]`: a restore from each target alone, to nowhere. */
export async function drillCommand(
  policyName: string | undefined,
  { target: wanted, json = false }: DrillCommand,
  context: Context,
): Promise<ExitStatus> {
  await using replicator = await openReplicator(prepare(context, wanted), { forget: false });
  const { engine } = replicator;
  const policies = replicator.select(policyName);
  requireTargets(wanted ?? [], policies);
  const documents: { readonly policy: string; readonly drills: Record<string, object> }[] = [];
  let good = true;
  for (const policy of policies) {
    const drills: Record<string, object> = {};
    for (const site of policy.targets.filter(({ name }) => wanted === undefined || wanted.includes(name))) {
      const failures: DrillFailure[] = [];
      const onFailure = (failure: DrillFailure): void => {
        if (!json) print(`${policy.name}: ${site.name}: ${describeFailure(failure)}`);
        else if (failures.length < namedAtMost) failures.push(failure);
      };
      await engine.catalog.drills.begin(policy.name, site.name, 0);
      const end = await drillNow(engine, policy, site, policy.drill ?? byHand, context.signal, onFailure);
      if (!json) print(`${policy.name}: ${site.name}: ${describe(end)}`);
      drills[site.name] = document(end, failures);
      good &&= 'nothing' in end || ('result' in end && end.result.failed === 0);
    }
    documents.push({ policy: policy.name, drills });
  }
  if (json) printJson({ policies: documents });
  return good ? exitStatus.ok : exitStatus.incomplete;
}

function requireTargets(wanted: readonly string[], policies: readonly Policy[]): void {
  const known = [...new Set(policies.flatMap(({ targets }) => targets.map(({ name }) => name)))];
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`--target ${unknown}: there is no such target; there is: ${known.join(', ')}`);
}

function describe(end: DrillEnd): string {
  if ('nothing' in end) return 'no copy is verified there: nothing to restore';
  if ('obstacle' in end) return `not possible: ${formatWords(end.obstacle)}`;
  const { objects, failed, bytes, tooLarge } = end.result;
  const left = tooLarge === 0 ? '' : `; ${describeTooLarge(tooLarge)}`;
  const done = `${objects - failed} of ${objects} objects restored (${formatBytes(bytes)})`;
  return `${done}${describePace(end.result)}${left}`;
}

function document(end: DrillEnd, failures: readonly DrillFailure[]): object {
  if ('nothing' in end) return { outcome: 'nothing' };
  if ('obstacle' in end) return { outcome: 'impossible', error: end.obstacle };
  const { failure, ...result } = end.result;
  return { outcome: failure === null ? 'ok' : 'failed', ...result, failures };
}
