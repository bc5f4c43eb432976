import type { Catalog } from '../catalog/catalog.ts';
import { CatalogError } from '../catalog/errors.ts';
import type { Capabilities } from '../providers/provider.ts';
import type { Policy } from './policy.ts';
import type { RestoreProblem, RestoreReport } from './restore-report.ts';
import type { Site } from './site.ts';
import type { Engine } from './worker.ts';

/** What a restore works with. It does without a catalog where there is none, or none of use. */
export interface RestoreEngine extends Omit<Engine, 'catalog' | 'owner' | 'throttle' | 'metrics'> {
  readonly catalog: Catalog | undefined;
  /** Says that the catalog turned out to be of no use. */
  readonly onCatalogLost: (error: Error) => void;
}

/** What the catalog answers; undefined where there is none, or it turned out to be of no use. */
export async function told<T>(
  { catalog, onCatalogLost }: Pick<RestoreEngine, 'catalog' | 'onCatalogLost'>,
  ask: (catalog: Catalog) => Promise<T>,
): Promise<T | undefined> {
  if (catalog === undefined) return undefined;
  try {
    return await ask(catalog);
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    onCatalogLost(error);
    return undefined;
  }
}

/** The policy, as far as it is needed: nobody reaches for its source. */
export type RestorePolicy = Pick<Policy, 'name' | 'prefix' | 'includes' | 'onCopy'>;

export interface RestoreOptions {
  /** Places that may hold copies, in the policy's order; never the destination. */
  readonly from: readonly Site[];
  readonly to: Site;
  /** Set where the destination is the policy's own source: what the catalog then takes it for (see `pass.ts`). */
  readonly sourceIdentity?: (site: Site) => string;
  /** Only keys below. */
  readonly prefix?: string;
  /** Each object as it was then, in milliseconds since the epoch. */
  readonly at?: number;
  /** Replace what stands at the destination and is different. */
  readonly overwrite: boolean;
  /** Leave out what the source does not have any more. */
  readonly withoutGone: boolean;
  /** Write nothing. */
  readonly dryRun: boolean;
  /** Bytes per second that may be read (`limits.bandwidth`), for the estimate of a dry run. */
  readonly bandwidth?: number;
  readonly onProblem: (problem: RestoreProblem) => void;
  readonly onProgress: (report: RestoreReport, bytesRead: number) => void;
}

/** Where the objects go. */
export interface RestoreTo {
  readonly site: Site;
  readonly capabilities: Capabilities;
}
