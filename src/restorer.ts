import { existsSync, realpathSync } from 'node:fs';
import type { Catalog } from './catalog/catalog.ts';
import { CatalogError } from './catalog/errors.ts';
import { openSqliteCatalog } from './catalog/sqlite/open.ts';
import { overlap, placeOf } from './config/places.ts';
import type { Config } from './config/schema.ts';
import { LiveLimits } from './live-limits.ts';
import { watchMemory } from './memory-watch.ts';
import { systemClock } from './objects/clock.ts';
import { UsageError } from './objects/errors.ts';
import { globFilter, named, rowOf, sourceIdentityOf } from './policies.ts';
import { identityOf } from './replication/pass.ts';
import type { RestoreEngine, RestoreOptions, RestorePolicy } from './replication/restore-plan.ts';
import type { Site } from './replication/site.ts';
import type { Surroundings } from './replicator.ts';
import { engineOf, openSites, sitesOfLacking, type Lacking } from './sites.ts';

type PolicySettings = Config['policies'][number];
type ProviderSettings = Config['providers'][string];

/** What was asked for, by names. */
export interface RestoreRequest {
  readonly policy?: string;
  /** A configured provider. */
  readonly to?: string;
  /** A directory instead. */
  readonly toDir?: string;
  /** The only place to read from. Default: every target of the policy. */
  readonly from?: string;
}

export interface RestoreSurroundings extends Surroundings {
  /** Told that the catalog is of no use, and why: then the copies alone tell what they are. */
  readonly onNoCatalog: (why: string) => void;
}

/**
 * What a restore works with, opened in one place: the destination, the places to read from, and the catalog if there is one.
 * No other provider is opened, and no catalog is made.
 */
export class Restorer implements AsyncDisposable {
  readonly engine: RestoreEngine;
  readonly policy: RestorePolicy;
  readonly places: Pick<RestoreOptions, 'from' | 'to' | 'sourceIdentity' | 'bandwidth'>;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    engine: RestoreEngine,
    policy: RestorePolicy,
    places: Restorer['places'],
    resources: AsyncDisposableStack,
  ) {
    this.engine = engine;
    this.policy = policy;
    this.places = places;
    this.#resources = resources;
  }

  /** @throws UsageError for names that are none. Reaches no provider yet. */
  static async open(config: Config, request: RestoreRequest, surroundings: RestoreSurroundings): Promise<Restorer> {
    const { clock = systemClock, random = Math.random, log, metrics, onNoCatalog, lacking = new Map() } = surroundings;
    const policy = policyOf(config, request.policy);
    const to = destinationOf(config, request);
    const from = sourcesOf(policy, to.name, request.from);
    requireAny(from, lacking);
    await using opened = new AsyncDisposableStack();
    opened.use(watchMemory(config.limits.memory));
    const core = { clock, random, log, metrics };
    const needed = [...settingsOf(from, config), [to.name, to.settings] as const];
    const providers = Object.fromEntries<ProviderSettings>(needed);
    const limits = new LiveLimits({ limits: config.limits, providers }, clock);
    const usable = await openSites(providers, core, limits, opened, from.length > 1 ? from : []);
    const sites = new Map([...usable, ...sitesOfLacking(lacking, clock)]);
    const catalog = await openCatalog(config, opened, clock, onNoCatalog);
    let said = false;
    const onCatalogLost = ({ message }: Error): void => {
      if (!said) onNoCatalog(message);
      said = true;
    };
    const engine: RestoreEngine = { ...engineOf(config, core, limits), catalog, onCatalogLost };
    const asSource = to.name === policy.source ? { sourceIdentity: identifier(policy, config) } : {};
    const { bandwidth } = config.limits;
    const places = {
      from: from.map((name) => siteOf(sites, name)),
      to: siteOf(sites, to.name),
      ...asSource,
      ...(bandwidth === undefined ? {} : { bandwidth }),
    };
    return new Restorer(engine, toRestorePolicy(policy), places, opened.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function policyOf({ policies }: Config, name: string | undefined): PolicySettings {
  const [only, ...others] = policies;
  if (name !== undefined || only === undefined) return named(policies, name ?? '');
  if (others.length === 0) return only;
  const known = policies.map((policy) => policy.name).join(', ');
  throw new UsageError(`name the policy that is to be restored; there are: ${known}`);
}

function toRestorePolicy({ name, prefix = '', include, exclude, verify }: PolicySettings): RestorePolicy {
  return { name, prefix, includes: globFilter(include, exclude), onCopy: verify.onCopy };
}

interface NamedSettings {
  readonly name: string;
  readonly settings: ProviderSettings;
}

function destinationOf({ providers }: Config, { to, toDir }: RestoreRequest): NamedSettings {
  if (to !== undefined && toDir !== undefined) throw new UsageError('--to and --to-dir: give one of them');
  if (toDir !== undefined) return directory(toDir, providers);
  if (to === undefined) {
    throw new UsageError('say where to: --to <provider> (it may be the source), or --to-dir <path>');
  }
  const settings = providers[to];
  if (settings !== undefined) return { name: to, settings };
  throw new UsageError(`--to ${to}: there is no such provider; there is: ${Object.keys(providers).join(', ')}`);
}

/** A name that no configured provider can have. */
function directory(path: string, providers: Config['providers']): NamedSettings {
  if (path === '') throw new UsageError('--to-dir: name a directory');
  const settings: ProviderSettings = { type: 'filesystem', path, symlinks: 'skip' };
  const place = placeOf(settings, realpathSync);
  for (const [name, other] of Object.entries(providers)) {
    if (!overlap(place, placeOf(other, realpathSync))) continue;
    const advice = `--to ${name} restores to it, knowing what stands there`;
    throw new UsageError(`--to-dir ${path}: that is the place of the provider ${name}, or overlaps with it; ${advice}`);
  }
  return { name: `directory ${path}`, settings };
}

/** Never the destination: what is to be brought back there is not to be had there. */
function sourcesOf({ name, targets }: PolicySettings, to: string, from: string | undefined): readonly string[] {
  if (from === undefined) {
    const others = targets.filter((target) => target !== to);
    if (others.length > 0) return others;
    throw new UsageError(`policy ${name} has no other target than ${to} to restore from`);
  }
  if (from === to) throw new UsageError(`--from ${from} and --to ${to} are the same place`);
  if (targets.includes(from)) return [from];
  throw new UsageError(`--from ${from}: it is no target of policy ${name}; there is: ${targets.join(', ')}`);
}

function requireAny(from: readonly string[], lacking: Lacking): void {
  if (from.some((name) => !lacking.has(name))) return;
  const reasons = from.map((name) => `  ${name}: ${lacking.get(name)}`);
  throw new UsageError(['there is no place to restore from that can be used here:', ...reasons].join('\n'));
}

function settingsOf(names: readonly string[], { providers }: Config): (readonly [string, ProviderSettings])[] {
  return Object.entries(providers).filter(([name]) => names.includes(name));
}

function siteOf(sites: ReadonlyMap<string, Site>, name: string): Site {
  const site = sites.get(name);
  if (site === undefined) throw new Error(`${name} was not opened`);
  return site;
}

function identifier(policy: PolicySettings, config: Config): (site: Site) => string {
  const sourceIdentity = sourceIdentityOf(policy, config);
  return (source) => identityOf({ source, sourceIdentity });
}

/** Only one that is there already: whoever restores on an empty machine wants no second truth. */
async function openCatalog(
  { catalog, policies }: Config,
  opened: AsyncDisposableStack,
  clock: RestoreEngine['clock'],
  onNoCatalog: (why: string) => void,
): Promise<Catalog | undefined> {
  if (!existsSync(catalog.file)) return undefined;
  try {
    const open = opened.use(await openSqliteCatalog({ path: catalog.file, clock }));
    await open.syncPolicies(policies.map(rowOf), { forget: false });
    return open;
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    onNoCatalog(error.message);
    return undefined;
  }
}
