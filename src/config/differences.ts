import { formatPath, type Path } from './problems.ts';
import type { Config } from './schema.ts';
import { Secret } from './secrets.ts';

/** What a changed file means for a process that runs: paths as people write them, without values. */
export interface Differences {
  /** Taken over while running. */
  readonly live: readonly string[];
  /** Take effect when the process is started again. */
  readonly restart: readonly string[];
}

export function differences(before: Config, after: Config): Differences {
  const all = [...changed(before, after, [])];
  const live = all.filter(isLive);
  return { live: live.map(formatPath), restart: all.filter((path) => !live.includes(path)).map(formatPath) };
}

/** `limits.bandwidth`, `limits.concurrency`, and everything below `providers.<name>.limits`. */
function isLive([section, name, key]: Path): boolean {
  if (section === 'limits') return name === 'bandwidth' || name === 'concurrency';
  return section === 'providers' && key === 'limits';
}

function* changed(before: unknown, after: unknown, path: Path): Generator<Path> {
  if (!isMapping(before) || !isMapping(after) || !comparable(before, after)) {
    if (plain(before) !== plain(after)) yield path;
    return;
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    yield* changed(before[key], after[key], [...path, Array.isArray(before) ? Number(key) : key]);
  }
}

/** Lists of other lengths are named as a whole: an entry taken out would make all after it look changed. */
function comparable(before: object, after: object): boolean {
  return (
    Array.isArray(before) === Array.isArray(after) && (!Array.isArray(before) || before.length === lengthOf(after))
  );
}

function lengthOf(list: object): number {
  return Array.isArray(list) ? list.length : 0;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !(value instanceof Secret);
}

function plain(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  return isMapping(value) ? JSON.stringify(value) : value;
}
