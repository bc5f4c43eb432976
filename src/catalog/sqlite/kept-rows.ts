import type { Attestation, EvidenceMethod } from '../../objects/evidence.ts';
import { keyFromBytes } from '../../objects/key.ts';
import type { Attributes } from '../../objects/object.ts';
import type { KeptPlace, KeptVersion } from '../kept.ts';

export interface KeptRow {
  readonly id: number;
  readonly token: number;
  readonly key: Uint8Array;
  readonly target: string;
  readonly kept_by: KeptPlace['by'];
  readonly place: string;
  readonly version: string | null;
  readonly size: number;
  readonly sha256: string;
  readonly attributes: string;
  readonly source_version: string | null;
  readonly modified_at: number | null;
  readonly replaced_at: number;
  readonly expires_at: number;
  readonly evidence_method: EvidenceMethod | null;
  readonly evidence_by: Attestation | null;
  readonly evidence_at: number | null;
}

/** Of `kept o join targets t`. */
export const keptColumns = `o.id, o.token, o.key, t.name as target, o.kept_by, o.place, o.version, o.size,
  lower(hex(o.sha256)) as sha256, o.attributes, o.source_version, o.modified_at, o.replaced_at, o.expires_at,
  o.evidence_method, o.evidence_by, o.evidence_at`;

export function keptVersion(row: KeptRow): KeptVersion {
  return {
    key: keyFromBytes(row.key),
    target: row.target,
    place: placeOf(row),
    size: row.size,
    sha256: row.sha256,
    attributes: JSON.parse(row.attributes) as Attributes,
    sourceVersion: row.source_version,
    modifiedAt: row.modified_at,
    replacedAt: row.replaced_at,
    expiresAt: row.expires_at,
    evidence: evidenceOf(row),
  };
}

function placeOf({ kept_by: by, place, version }: KeptRow): KeptPlace {
  return by === 'holdfast' ? { by, key: place, version } : { by, id: place, version: version ?? '' };
}

function evidenceOf({ sha256, ...row }: KeptRow): KeptVersion['evidence'] {
  const { evidence_method: method, evidence_by: by, evidence_at: at } = row;
  return method === null || by === null || at === null ? null : { method, sha256, by, at };
}
