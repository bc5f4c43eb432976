import type { Finding } from '../catalog/findings.ts';
import type { ObjectRow } from '../catalog/rows.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';

/** Everything that is known of one key at one moment of a pass. */
export interface Sighting {
  readonly key: Key;
  readonly source: ObjectInfo | undefined;
  readonly row: ObjectRow | undefined;
  /** By target, for targets whose listing takes part in the pass: what stands at the key; undefined when nothing does. */
  readonly targets: ReadonlyMap<string, ObjectInfo | undefined>;
}

export interface ComparePlan {
  /** When the pass began: what changed in the catalog since then is newer than the listings. */
  readonly asOf: number;
  /** Read every verified copy back. */
  readonly deep: boolean;
}

/** What one sighting means, as findings for the catalog. An object that is in place everywhere yields none. */
export function compare(sighting: Sighting, plan: ComparePlan): Finding[] {
  const { source, row } = sighting;
  if (row === undefined) return source === undefined ? [] : [newObject(source, sighting)];
  const findings: Finding[] = [];
  const change = sourceChange(source, row, plan.asOf);
  if (change !== undefined) findings.push(change);
  for (const [target, standing] of sighting.targets) {
    const finding = copyChange(row, target, standing, plan);
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}

function newObject(source: ObjectInfo, { targets, key }: Sighting): Finding {
  const found: Record<string, string> = {};
  for (const [target, standing] of targets) if (standing !== undefined) found[target] = standing.version;
  const { version, size, modifiedAt } = source;
  return { kind: 'new', key, object: { version, size, modifiedAt }, found };
}

function sourceChange(source: ObjectInfo | undefined, row: ObjectRow, asOf: number): Finding | undefined {
  if (source === undefined) {
    const known = row.state === 'gone' || row.observed?.kind === 'vanished';
    return known ? undefined : { kind: 'vanished', id: row.id, asOf };
  }
  const { version, size, modifiedAt } = source;
  if (version === row.version) {
    return row.state === 'present' && row.observed === null ? undefined : { kind: 'present', id: row.id, asOf };
  }
  const known = row.observed?.kind === 'overwritten' && row.observed.version === version;
  return known ? undefined : { kind: 'overwritten', id: row.id, object: { version, size, modifiedAt }, asOf };
}

function copyChange(
  row: ObjectRow,
  target: string,
  standing: ObjectInfo | undefined,
  { asOf, deep }: ComparePlan,
): Finding | undefined {
  const copy = row.copies.find((candidate) => candidate.target === target);
  if (copy === undefined) return undefined;
  const about = { id: row.id, target, asOf };
  if (standing === undefined) {
    const expected = copy.state === 'verified' || copy.state === 'unproven' || copy.version !== null;
    return expected ? { kind: 'missing', ...about } : undefined;
  }
  if (copy.state === 'verified') {
    if (standing.version !== copy.version) return { kind: 'foreign', ...about, version: standing.version };
    return deep ? { kind: 'recheck', id: row.id, target } : undefined;
  }
  if (standing.version === copy.version) return undefined;
  return { kind: copy.state === 'damaged' ? 'foreign' : 'found', ...about, version: standing.version };
}
