import { restore, type RestoreEnd } from '../../src/replication/restore.ts';
import type { RestoreEngine, RestoreOptions } from '../../src/replication/restore-plan.ts';
import type { RestoreProblem } from '../../src/replication/restore-report.ts';
import { identityOf } from '../../src/replication/pass.ts';
import type { MemoryOptions } from '../../src/providers/memory/memory.ts';
import type { World } from './engine.ts';
import { Place } from './place.ts';

const calm = new AbortController().signal;

export interface Asked extends Partial<Omit<RestoreOptions, 'from' | 'to' | 'sourceIdentity'>> {
  /** Names of targets. Default: all that are not the destination. */
  readonly from?: readonly string[];
  /** As on a machine that has nothing but the configuration. */
  readonly withoutCatalog?: boolean;
  readonly signal?: AbortSignal;
}

export interface RestoredWorld extends RestoreEnd {
  readonly problems: readonly RestoreProblem[];
  readonly catalogLost: readonly string[];
}

/** A place of its own to restore to. */
export function backRoom(world: World, options: MemoryOptions = {}): Place {
  return new Place('back', world.clock, options);
}

/** Restores the world's policy as the command does. */
export async function restoreTo(world: World, to: Place, asked: Asked = {}): Promise<RestoredWorld> {
  const { withoutCatalog = false, from, signal = calm, ...rest } = asked;
  const problems: RestoreProblem[] = [];
  const catalogLost: string[] = [];
  const engine: RestoreEngine = {
    ...world.engine,
    catalog: withoutCatalog ? undefined : world.catalog,
    onCatalogLost: ({ message }) => void catalogLost.push(message),
  };
  const sites = world.policy.targets.filter(({ name }) => from?.includes(name) ?? name !== to.name);
  const { source, sourceIdentity } = world.policy;
  const options: RestoreOptions = {
    ...{ from: sites, to: to.site, overwrite: false, withoutGone: false, dryRun: false },
    ...(to.site === source ? { sourceIdentity: (site) => identityOf({ source: site, sourceIdentity }) } : {}),
    onProblem: (problem) => void problems.push(problem),
    onProgress: () => undefined,
    ...rest,
  };
  const end = await restore(engine, world.policy, options, signal);
  return { ...end, problems, catalogLost };
}
