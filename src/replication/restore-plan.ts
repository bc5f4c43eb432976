import type { Catalog } from '../catalog/catalog.ts';
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
  readonly onProblem: (problem: RestoreProblem) => void;
  readonly onProgress: (report: RestoreReport, bytesRead: number) => void;
}

/** Where the objects go. */
export interface RestoreTo {
  readonly site: Site;
  readonly capabilities: Capabilities;
}
