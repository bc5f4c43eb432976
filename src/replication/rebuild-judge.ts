import type { ImportedCopy, ImportedObject } from '../catalog/import.ts';
import type { CopyError } from '../catalog/rows.ts';
import type { Checksums, Digest } from '../objects/checksum.ts';
import type { Key } from '../objects/key.ts';
import { differingAttribute, type Attributes } from '../objects/object.ts';
import { faultInRecord } from './prove.ts';
import type { Said } from './records.ts';
import type { RebuildState } from './rebuild-report.ts';
import type { Testimony } from './testimony.ts';

/** Something to be said about one copy, or about the object (`target` null). */
export interface Remark {
  readonly target: string | null;
  readonly state: RebuildState;
  readonly message: string;
}

export interface Judgement {
  /** Undefined where nothing says what stands there. */
  readonly object: ImportedObject | undefined;
  readonly remarks: readonly Remark[];
}

/**
 * What an object is and which of its copies are good, by what the copies say of themselves alone, and by the SHA-256 that
 * a snapshot knows (`known`).
 * - It is the newest version that a copy says it is, unless its bytes are known not to be those.
 * - Copies that contradict each other about that version decide nothing, however many there are on either side: nothing
 *   is taken for its bytes, and the work on unproven copies finds out (`knowledge.ts`), with the source where there is one.
 * - A version that more of them hold than the newest (a snapshot counts for the one it knows) is no older one for sure: a
 *   record with a later time is easily written, and a file with an earlier one easily put in the place of another. Then
 *   too nothing is decided, and the object is taken for what most of them say, so that another one at the source is a
 *   change that the guard judges.
 * - What is only claimed proves nothing: the bytes are known once one copy is proven to hold what its record says.
 */
export function judgeTestimony(
  key: Key,
  heard: readonly Testimony[],
  onCopy: 'attested' | 'read',
  known?: string | null,
): Judgement {
  const voices = heard.flatMap((copy) => (copy.said === undefined || copy.holds.state === 'wrong' ? [] : [copy.said]));
  const all = heard.flatMap(({ said }) => said ?? []);
  const latest = newestOf(voices) ?? newestOf(all);
  if (latest === undefined) return { object: undefined, remarks: heard.map(unspoken) };
  const rival = outvoting(latest, voices, known);
  const newest = rival ?? latest;
  const dispute = rival === undefined ? disputeOf(newest, voices) : outvoted(latest, rival);
  const bearers = heard.filter((copy) => bears(copy, newest));
  const proven = dispute === undefined && bearers.some(({ holds }) => holds.state === 'right');
  const attributes = attributesOf(bearers);
  const judged = heard.map((copy) =>
    judgeCopy(copy, { newest, dispute, proven, attributes: attributes.agreed, onCopy }),
  );
  const { version, size, modifiedAt } = newest.of;
  const object: ImportedObject = {
    ...{ key, version, size, modifiedAt },
    sha256: proven ? newest.digest.sha256 : null,
    checksums: proven ? checksumsOf(bearers) : {},
    attributes: proven ? attributes.agreed : null,
    copies: judged.map(({ copy }) => copy),
  };
  const ofAll = [dispute, attributes.dispute].flatMap((message) =>
    message === undefined ? [] : [{ target: null, state: 'disagreement', message } as const],
  );
  return { object, remarks: [...ofAll, ...judged.flatMap(({ remark }) => remark ?? [])] };
}

function newestOf(said: readonly Said[]): Said | undefined {
  return said.toSorted((a, b) => moment(b) - moment(a))[0];
}

/** Records keep whole milliseconds at some providers. */
function moment({ of }: Said): number {
  return Math.floor(of.modifiedAt);
}

function isSame(a: Said, b: Said): boolean {
  return a.digest.sha256 === b.digest.sha256 && a.of.size === b.of.size;
}

/** Of the same version, or made at the same moment, and yet of other bytes. */
function disputeOf(newest: Said, voices: readonly Said[]): string | undefined {
  const rival = voices.find(
    (said) => !isSame(said, newest) && (said.of.version === newest.of.version || moment(said) === moment(newest)),
  );
  if (rival === undefined) return undefined;
  const [one, other] = [newest, rival].map(({ of, digest }) => `version ${of.version} has SHA-256 ${digest.sha256}`);
  return `the copies' records contradict each other: ${one}, ${other}; nothing is taken for its bytes`;
}

/** What more of them hold than the newest. */
function outvoting(newest: Said, voices: readonly Said[], known: string | null | undefined): Said | undefined {
  const weight = (said: Said): number =>
    voices.filter((other) => isSame(said, other)).length + (said.digest.sha256 === known ? 1 : 0);
  const [rival] = voices.filter((said) => !isSame(said, newest)).toSorted((a, b) => weight(b) - weight(a));
  return rival !== undefined && weight(rival) > weight(newest) ? rival : undefined;
}

function outvoted(newest: Said, rival: Said): string {
  return (
    `version ${newest.of.version} (SHA-256 ${newest.digest.sha256}) says that it is the newest, and more copies are version ` +
    `${rival.of.version} (SHA-256 ${rival.digest.sha256}); all are left as they are until the source tells. Where the source is lost: ` +
    'look at them, and delete those that are wrong at their targets'
  );
}

/** Whether it says that it has the bytes of this version, by whatever version's name. */
function bears({ said, holds }: Testimony, newest: Said): boolean {
  return said !== undefined && holds.state !== 'wrong' && isSame(said, newest);
}

interface Agreed {
  readonly agreed: Attributes | null;
  readonly dispute?: string;
}

function attributesOf(bearers: readonly Testimony[]): Agreed {
  const [first, ...others] = bearers.flatMap(({ target, said }) => (said === undefined ? [] : [{ target, said }]));
  if (first === undefined) return { agreed: null };
  for (const { target, said } of others) {
    const differing = differingAttribute(first.said.attributes, said.attributes);
    if (differing === undefined) continue;
    return { agreed: null, dispute: `${differing} is another one at ${first.target} than at ${target}` };
  }
  return { agreed: first.said.attributes };
}

function checksumsOf(bearers: readonly Testimony[]): Checksums {
  const proven = bearers.filter(({ holds }) => holds.state === 'right').flatMap(({ said }) => said?.digest ?? []);
  const { sha256: _, ...checksums }: Digest = Object.assign({ sha256: '' }, ...proven) as Digest;
  return checksums;
}

interface Circumstances {
  readonly newest: Said;
  readonly dispute: string | undefined;
  /** Whether it is known what the bytes are. */
  readonly proven: boolean;
  readonly attributes: Attributes | null;
  readonly onCopy: 'attested' | 'read';
}

interface JudgedCopy {
  readonly copy: ImportedCopy;
  readonly remark?: Remark;
}

function judgeCopy(heard: Testimony, circumstances: Circumstances): JudgedCopy {
  const { target, version, said, holds, error } = heard;
  const { newest, dispute, proven } = circumstances;
  const open = (state: RebuildState, why: CopyError): JudgedCopy => ({
    copy: { target, state: 'unproven', version, error: why },
    remark: { target, state, message: why.message },
  });
  if (error !== undefined) return open('unreadable', { code: error.code, message: error.message });
  if (holds.state === 'wrong') {
    const why = { code: 'checksum-mismatch', message: holds.why } as const;
    const isNewer = said !== undefined && moment(said) > moment(newest) && !isSame(said, newest);
    // Of a newer version nothing may be thrown away, however little is left of it.
    if (!proven || isNewer) return open('damaged', why);
    return {
      copy: { target, state: 'damaged', version, error: why },
      remark: { target, state: 'damaged', message: why.message },
    };
  }
  if (dispute !== undefined) {
    return { copy: { target, state: 'unproven', version, error: { code: 'conflict', message: dispute } } };
  }
  if (said === undefined) return open('unrecorded', unrecorded);
  if (isSame(said, newest)) return { copy: bearing(heard, circumstances) };
  const message = `it is version ${said.of.version}, older than ${newest.of.version} that another copy is`;
  return { copy: { target, state: 'pending', version }, remark: { target, state: 'older', message } };
}

const unrecorded = { code: 'conflict', message: 'it has no record of Holdfast: nothing says what it is' } as const;

function bearing(
  { target, version, head, holds }: Testimony,
  { proven, attributes, onCopy }: Circumstances,
): ImportedCopy {
  if (!proven || holds.state !== 'right') return { target, state: 'unproven', version };
  const { evidence } = holds;
  if (onCopy === 'read' && evidence.method !== 'read') return { target, state: 'unproven', version };
  const recorded = head !== undefined && faultInRecord(head, evidence.sha256, attributes) === undefined;
  return { target, state: 'verified', version, evidence, recorded };
}

/** Where no copy says anything: the key is no object of ours until the source tells otherwise. */
function unspoken({ target, holds, error }: Testimony): Remark {
  if (error !== undefined) return { target, state: 'unreadable', message: error.message };
  if (holds.state === 'wrong') return { target, state: 'damaged', message: holds.why };
  return { target, state: 'unrecorded', message: unrecorded.message };
}
