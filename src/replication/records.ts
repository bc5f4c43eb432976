import type { CopyRow, ObjectRow, ObjectVersion } from '../catalog/rows.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectHead } from '../objects/object.ts';
import { ProviderError } from '../objects/errors.ts';
import { headIfThere } from './prove.ts';
import type { Site } from './site.ts';
import type { Known, Proven, Unanswered } from './proving.ts';

/** What a copy says of itself, and which version of the source's object it says it is. */
export interface Said extends Known {
  readonly of: ObjectVersion;
}

export interface Records {
  readonly said: readonly Said[];
  /** Copies at places that do not answer: they say nothing. */
  readonly silent: readonly Proven[];
}

/** What the copies' own records say. It is a claim, as anybody who can write the copy can write it. */
export async function recordsOf(
  copies: readonly CopyRow[],
  key: Key,
  siteOf: (target: string) => Site,
  signal: AbortSignal,
): Promise<Records> {
  const said: Said[] = [];
  const silent: Proven[] = [];
  const answers = await Promise.all(copies.map(async ({ target }) => await headOf(siteOf(target), key, signal)));
  for (const [index, copy] of copies.entries()) {
    const answer = answers[index];
    if (answer !== undefined && 'error' in answer) silent.push([copy, answer]);
    else said.push(...[saidBy(answer) ?? []].flat());
  }
  return { said, silent };
}

async function headOf({ provider }: Site, key: Key, signal: AbortSignal): Promise<ObjectHead | Unanswered | undefined> {
  try {
    return await headIfThere(provider, key, signal);
  } catch (error) {
    if (error instanceof ProviderError) return { error };
    throw error;
  }
}

/** @returns undefined for a copy without a record, or whose record is of another length than it has. */
export function saidBy(head: ObjectHead | undefined): Said | undefined {
  const record = head?.record;
  if (head === undefined || record === undefined || record.size !== head.size) return undefined;
  const { sourceVersion: version, sourceModifiedAt: modifiedAt, size, sha256, checksums } = record;
  return { of: { version, modifiedAt, size }, digest: { ...checksums, sha256 }, attributes: head.attributes };
}

/** What those say that speak of this version; undefined when none does, or one voice is against another. */
export function saidOf(said: readonly Said[], object: ObjectVersion): Said | undefined {
  const speaking = speakingOf(said, object);
  const [first] = speaking;
  return speaking.every(({ digest }) => digest.sha256 === first?.digest.sha256) ? first : undefined;
}

/** Those that say that they are this version. */
export function speakingOf(said: readonly Said[], { version, size }: ObjectVersion): readonly Said[] {
  return said.filter(({ of }) => of.version === version && of.size === size);
}

/** Versions that the object had after the one that its row went back to, oldest first. */
export function laterThan({ version, past }: Pick<ObjectRow, 'version' | 'past'>): readonly string[] {
  const at = past.lastIndexOf(version);
  return at === -1 ? [] : past.slice(at + 1);
}

/** The newest version that a copy says it is. */
export function newestSaid(said: readonly Said[]): Said | undefined {
  return said.toSorted((a, b) => b.of.modifiedAt - a.of.modifiedAt)[0];
}
