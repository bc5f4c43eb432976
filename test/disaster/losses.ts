import type { Version } from '../crash/content.ts';
import { sourceName, type World } from './world.ts';

export interface Loss {
  /** What was destroyed, as it is called: `catalog`, `host`, `source` or a target. */
  readonly names: readonly string[];
  /** Providers, as the configuration calls them. */
  readonly providers: ReadonlySet<string>;
  readonly catalog: boolean;
}

/**
 * The host is the machine that Holdfast runs on: the catalog and everything on its disks, the filesystem target and a source
 * that is a directory among it. What is left of it is the configuration, which is kept elsewhere.
 */
export function lossesOf({ places, source }: World): readonly Loss[] {
  const local = ['disk', ...(source.isLocal ? [sourceName] : [])];
  const single = [
    { name: 'source', providers: [sourceName], catalog: false },
    { name: 'catalog', providers: [], catalog: true },
    { name: 'host', providers: local, catalog: true },
    ...places.map(({ name }) => ({ name, providers: [name], catalog: false })),
  ];
  const pairs = single.flatMap((one, index) => single.slice(index + 1).map((other) => [one, other]));
  return [...single.map((one) => [one]), ...pairs].map((parts) => ({
    names: parts.map(({ name }) => name),
    providers: new Set(parts.flatMap(({ providers }) => providers)),
    catalog: parts.some(({ catalog }) => catalog),
  }));
}

/** What every place holds, seen from outside: by provider, then by key. */
export type Holdings = ReadonlyMap<string, ReadonlyMap<string, Version>>;

export async function holdingsOf({ places, source }: World): Promise<Holdings> {
  const own = { name: sourceName, inventory: source.inventory };
  return new Map(
    await Promise.all([own, ...places].map(async ({ name, inventory }) => [name, await inventory()] as const)),
  );
}

/** Keys whose last version no place has that is left. */
export function lostBy({ truth }: World, holdings: Holdings, lost: ReadonlySet<string>): readonly string[] {
  const left = [...holdings].flatMap(([name, held]) => (lost.has(name) ? [] : [held]));
  return [...truth].flatMap(([key, { sha256 }]) =>
    left.some((held) => held.get(key)?.sha256 === sha256) ? [] : [key],
  );
}
