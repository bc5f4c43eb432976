import type { Finding } from '../catalog/findings.ts';
import type { CopyRow, ObjectRow } from '../catalog/rows.ts';
import type { ErrorCode } from '../objects/errors.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import type { Provider } from '../providers/provider.ts';
import { faultInRecord, prove, type Proof, type ProveOptions } from './prove.ts';

/** What was found out about one copy. A copy that could not be read is not damaged: nobody knows. */
export type Audit =
  | Extract<Proof, { state: 'right' }>
  | { readonly state: 'missing' }
  | { readonly state: 'wrong'; readonly version: string; readonly why: string; readonly code: ErrorCode }
  | { readonly state: 'unreadable'; readonly error: ProviderError };

/** A copy and the object it is a copy of, whose digest is known. */
export interface Audited {
  readonly object: ObjectRow;
  readonly copy: CopyRow;
  readonly sha256: string;
}

/** @returns undefined when nobody knows yet what the object's bytes are. */
export function auditable(object: ObjectRow, copy: CopyRow): Audited | undefined {
  return object.sha256 === null ? undefined : { object, copy, sha256: object.sha256 };
}

/**
 * Looks at what stands at a target and compares it with the object: its bytes (by `options.method`, and by reading before
 * what looks wrong counts as damage) and, where the copy is ours, its record and attributes.
 */
export async function auditCopy(
  provider: Provider,
  audited: Audited,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<Audit> {
  const { object, copy, sha256 } = audited;
  const expected = { size: object.size, digest: { ...object.checksums, sha256 } };
  try {
    const look = async (method: ProveOptions['method']): Promise<Proof> =>
      await prove(provider, object.key, expected, { ...options, method }, signal);
    const first = await look(options.method);
    const proof = first.state === 'wrong' && options.method !== 'read' ? await look('read') : first;
    if (proof.state === 'missing') await requireListed(provider, object.key, signal);
    return judged(proof, object, copy);
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    return { state: 'unreadable', error };
  }
}

/** A bucket that is gone answers like one that lacks this object: only its listing tells. @throws ProviderError */
async function requireListed(provider: Provider, key: Key, signal: AbortSignal): Promise<void> {
  if ((await listedAt(provider, key, signal)) === undefined) return;
  const message = `${key} is listed at ${provider.name} and cannot be had: nobody knows which is true`;
  throw new ProviderError('unavailable', message, { provider: provider.name, key });
}

/** What the listing says of one key, which comes first of all that begin with it. */
export async function listedAt(provider: Provider, key: Key, signal: AbortSignal): Promise<ObjectInfo | undefined> {
  for await (const { entries } of provider.list({ prefix: key }, signal))
    if (entries.length > 0) return entries.find((entry) => entry.key === key);
  return undefined;
}

function judged(proof: Proof, object: ObjectRow, copy: CopyRow): Audit {
  if (proof.state === 'missing') return proof;
  const { version } = proof;
  if (proof.state === 'wrong') return { state: 'wrong', version, why: proof.why, code: 'checksum-mismatch' };
  const { head, evidence } = proof;
  const checked = copy.recorded === true && head !== undefined;
  const fault = checked ? faultInRecord(head, evidence.sha256, object.attributes) : undefined;
  if (fault === undefined) return proof;
  return { state: 'wrong', version, why: `its bytes are right, but ${fault}`, code: 'invalid' };
}

/** What the catalog shall know of it. Only a verified copy can turn out otherwise; all others have work due on them. */
export function findingOf({ object: { id }, copy }: Audited, audit: Audit): Finding | undefined {
  const { target, state, version: was, updatedAt: changedAt } = copy;
  if (state !== 'verified' || was === null) return undefined;
  const about = { id, target, was, changedAt };
  switch (audit.state) {
    case 'right':
      return { kind: 'audited', ...about, version: audit.version, evidence: audit.evidence };
    case 'missing':
      return { kind: 'wrong', ...about, standing: null, error: { code: 'not-found', message: 'it is missing' } };
    case 'wrong':
      return {
        kind: 'wrong',
        ...about,
        standing: audit.version,
        error: { code: audit.code, message: audit.why },
      };
    case 'unreadable':
      return undefined;
  }
}
