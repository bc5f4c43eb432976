import type { Catalog } from '../catalog/catalog.ts';
import type { Problem } from '../catalog/counts.ts';
import type { CopyState } from '../catalog/states.ts';
import { keyFromBytes, keyToBytes, type Key } from '../objects/key.ts';
import type { Policy } from './policy.ts';

export interface PageRequest {
  readonly prefix?: string;
  /** The `next` of the page before. */
  readonly after?: string;
  /** Copies; a page has a few more where an object's would be torn apart. */
  readonly limit: number;
}

/** A page of copies that are not verified, in key order. Field names are part of the outside. */
export interface ProblemPage {
  readonly policy: string;
  readonly copies: readonly ProblemEntry[];
  /** For `after`, to get the next page: the last key, as base64url, since keys are any bytes. Null when there is none. */
  readonly next: string | null;
}

export interface ProblemEntry {
  readonly key: Key;
  readonly target: string;
  readonly state: CopyState;
  /** Of the latest attempt; null when there was none. */
  readonly code: string | null;
  readonly message: string | null;
  /** Milliseconds since the epoch. */
  readonly nextAttemptAt: number | null;
}

/** @returns undefined when there is no policy of that name. */
export async function listProblems(
  catalog: Catalog,
  policies: readonly Policy[],
  name: string,
  { prefix, after, limit }: PageRequest,
): Promise<ProblemPage | undefined> {
  const policy = policies.find((candidate) => candidate.name === name);
  if (policy === undefined) return undefined;
  // So many that no object is cut in two, and one more page is known of.
  const found = await catalog.problems(name, {
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after: keyFromBytes(Buffer.from(after, 'base64url')) }),
    limit: limit + policy.targets.length,
  });
  const [copies, rest] = cut(found, limit);
  const last = copies.at(-1);
  const next = rest.length === 0 || last === undefined ? null : keyToBytes(last.key).toString('base64url');
  return { policy: name, copies: copies.map(entryOf), next };
}

/** Cuts after `limit` problems, or after the last of the same object. */
function cut(found: readonly Problem[], limit: number): [readonly Problem[], readonly Problem[]] {
  const last = found[limit - 1]?.key;
  const beyond = found.findIndex(({ key }, at) => at >= limit && key !== last);
  return beyond === -1 ? [found, []] : [found.slice(0, beyond), found.slice(beyond)];
}

function entryOf({ key, target, state, error, dueAt }: Problem): ProblemEntry {
  return { key, target, state, code: error?.code ?? null, message: error?.message ?? null, nextAttemptAt: dueAt };
}
