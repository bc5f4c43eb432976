import type { Finding } from '../catalog/findings.ts';
import type { ObjectOutline } from '../catalog/rows.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { agreement } from './prove.ts';

/** Everything that is known of one key at one moment of a pass. */
export interface Sighting {
  readonly key: Key;
  readonly source: ObjectInfo | undefined;
  readonly row: ObjectOutline | undefined;
  /** Whether the source's version is a change is still being found out: nothing is said of it. */
  readonly isOpen?: boolean;
  /** The SHA-256 of the row, where the source's bytes were found not to have it. */
  readonly unlike?: string;
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
  const { source, row, isOpen, unlike } = sighting;
  if (row === undefined) return source === undefined ? [] : [newObject(source, sighting)];
  const change = isOpen === true ? undefined : sourceChange(source, row, plan.asOf, unlike);
  const findings = copyChanges(row, sighting.targets, plan);
  if (change !== undefined) findings.unshift(change);
  return findings;
}

/** What stands at the targets, compared with what the catalog says of the copies. */
export function copyChanges(row: ObjectOutline, standing: Sighting['targets'], plan: ComparePlan): Finding[] {
  const findings: Finding[] = [];
  for (const [target, info] of standing) {
    const change = copyChange(row, target, info, plan);
    if (change !== undefined) findings.push(change);
  }
  return findings;
}

function newObject(source: ObjectInfo, { targets, key }: Sighting): Finding {
  const found: Record<string, string> = {};
  for (const [target, standing] of targets) if (standing !== undefined) found[target] = standing.version;
  const { version, size, modifiedAt } = source;
  return { kind: 'new', key, object: { version, size, modifiedAt }, found };
}

/** Whether the source shows the very change that a person rejected. */
export function isRejected(source: ObjectInfo | undefined, { state, rejected }: ObjectOutline): boolean {
  if (rejected === null) return false;
  if (source === undefined) return rejected.kind === 'vanished' && state === 'present';
  return rejected.kind === 'overwritten' && rejected.version === source.version;
}

function sourceChange(
  source: ObjectInfo | undefined,
  row: ObjectOutline,
  asOf: number,
  unlike: string | undefined,
): Finding | undefined {
  if (isRejected(source, row) && row.observed === null) return undefined;
  const undisputed = row.observed === null && row.rejected === null;
  if (source === undefined) {
    const known = row.state === 'gone' ? undisputed : row.observed?.kind === 'vanished';
    return known ? undefined : { kind: 'vanished', id: row.id, asOf };
  }
  const { version, size, modifiedAt } = source;
  if (version === row.version) {
    return row.state === 'present' && undisputed ? undefined : { kind: 'present', id: row.id, asOf };
  }
  const noted = row.observed?.kind === 'overwritten' && row.observed.version === version ? row.observed : undefined;
  if (noted !== undefined && (unlike === undefined || noted.unlike === unlike)) return undefined;
  const object = { version, size, modifiedAt };
  return { kind: 'overwritten', id: row.id, object, asOf, ...(unlike === undefined ? {} : { unlike }) };
}

function copyChange(
  row: ObjectOutline,
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
    return deep || contradicts(standing, row) ? { kind: 'recheck', id: row.id, target } : undefined;
  }
  if (standing.version === copy.version) return undefined;
  return { kind: copy.state === 'damaged' ? 'foreign' : 'found', ...about, version: standing.version };
}

/** Whether what a listing attests is not what the object is, although the version is the copy's: only reading tells. */
export function contradicts(standing: ObjectInfo, { size, sha256, checksums }: ObjectOutline): boolean {
  if (standing.size !== size) return true;
  if (standing.checksums === undefined) return false;
  const known = sha256 === null ? checksums : { ...checksums, sha256 };
  return agreement(standing.checksums, known)?.equal === false;
}
