import type { ObjectRow } from '../catalog/rows.ts';
import type { Checksums } from '../objects/checksum.ts';
import type { Attributes, ObjectHead } from '../objects/object.ts';
import { candidateAt } from './candidates.ts';
import type { Candidate } from './read-source.ts';
import type { Sighting, Standing } from './restore-walk.ts';

/** One version of an object, and the places that say they hold it. */
export interface Choice {
  readonly sha256: string;
  readonly checksums: Checksums;
  readonly size: number;
  /** The source's version, and when it was made there. */
  readonly version: string;
  readonly modifiedAt: number;
  /** Null where only what is read can tell. */
  readonly attributes: Attributes | null;
  /** In the order in which they are to be read. */
  readonly candidates: readonly Candidate[];
}

/** A copy that was asked about itself. */
export interface Asked extends Standing {
  readonly head: ObjectHead;
}

/** What the catalog says the object is, and the copies of that size; undefined where it does not know its digest. */
export function knownChoice({ key, row, standing }: Sighting): Choice | undefined {
  if (row === undefined || row.sha256 === null) return undefined;
  const { sha256, checksums, size, version, modifiedAt, attributes } = row;
  const candidates = standing
    .filter(({ info }) => info.size === size)
    .map(({ site, info }) => candidate(site, key, info));
  return { sha256, checksums: { ...checksums, sha256 }, size, version, modifiedAt, attributes, candidates };
}

/**
 * What the copies say of themselves, the newest version first. Which bytes they hold only reading tells, so that a copy that
 * lost its record may be any version of its size, and is read last.
 */
export function saidChoices(key: string, asked: readonly Asked[]): Choice[] {
  const speaking = asked.flatMap(({ site, head }) => {
    const { record } = head;
    return record === undefined || record.size !== head.size ? [] : [{ site, head, record }];
  });
  const silent = asked.filter(({ head }) => head.record === undefined);
  const versions = [
    ...Map.groupBy(
      speaking,
      ({ record: { sha256, size, sourceVersion } }) => `${sha256} ${size} ${sourceVersion}`,
    ).values(),
  ];
  return versions
    .flatMap((same): Choice[] => {
      const [first] = same;
      if (first === undefined) return [];
      const { sha256, size, checksums, sourceVersion: version, sourceModifiedAt: modifiedAt } = first.record;
      const mute = silent.filter(({ head }) => head.size === size);
      const candidates = [...same, ...mute].map(({ site, head }) => candidate(site, key, head));
      return [{ sha256, checksums, size, version, modifiedAt, attributes: first.head.attributes, candidates }];
    })
    .toSorted((a, b) => b.modifiedAt - a.modifiedAt || b.candidates.length - a.candidates.length);
}

/** The version that is wanted: what the catalog says, else the newest that any copy says it is. */
export type Wanted = Pick<Choice, 'version' | 'modifiedAt'> & { readonly sha256: string | null };

export function wantedOf(row: ObjectRow | undefined, said: readonly Choice[]): Wanted | undefined {
  return row ?? said[0];
}

/** A copy that is newer than what the catalog knows is what a catalog that was lost and put back did not see. */
export function isOlder(choice: Choice, wanted: Wanted): boolean {
  if (choice.sha256 === wanted.sha256 || choice.version === wanted.version) return false;
  return choice.modifiedAt <= wanted.modifiedAt;
}

export function candidate(site: Standing['site'], key: string, { version, size }: Standing['info']): Candidate {
  return candidateAt(site, { key, version, size });
}
