import type { Finding } from '../catalog/findings.ts';
import type { ImportedCopy, ImportedObject } from '../catalog/import.ts';
import type { CopyRow, ObjectRow } from '../catalog/rows.ts';
import type { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { auditable, auditCopy, findingOf } from './audit-copy.ts';
import { AuditWalk, type Standing } from './audit-walk.ts';
import { copyChanges } from './compare.ts';
import type { Policy } from './policy.ts';
import { judgeTestimony, type Judgement } from './rebuild-judge.ts';
import type { RebuildReport, RebuildTally } from './rebuild-report.ts';
import type { ProveOptions } from './prove.ts';
import type { Site } from './site.ts';
import { hear, type Testimony } from './testimony.ts';
import type { Engine } from './worker.ts';

export interface RebuildPlan {
  /** Targets that answer. */
  readonly targets: readonly Site[];
  /** `read`: every copy is read. */
  readonly method: ProveOptions['method'];
  readonly tally: RebuildTally;
  readonly onProgress: (report: RebuildReport) => void;
}

const importInGroupsOf = 256;

/**
 * One walk over the targets' listings, and over what a snapshot has, together and in key order. Where the listings show
 * just what the snapshot knows, nothing is asked; else every copy of the object is heard.
 */
export class RebuildWalk implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #policy: Policy;
  readonly #plan: RebuildPlan;
  readonly #signal: AbortSignal;
  readonly #startedAt: number;
  readonly #walk: AuditWalk<ObjectRow>;
  readonly #imports: ImportedObject[] = [];
  readonly #findings: Finding[] = [];

  constructor(engine: Engine, policy: Policy, plan: RebuildPlan, signal: AbortSignal) {
    this.#engine = engine;
    this.#policy = policy;
    this.#plan = plan;
    this.#signal = signal;
    this.#startedAt = engine.clock.now();
    const { prefix } = policy;
    const { targets, tally } = plan;
    const walk = {
      known: engine.catalog.scan(policy.name, { prefix }),
      sites: targets,
      prefix,
      concurrency: engine.concurrency.value,
      onWait: () => plan.onProgress(tally.report),
      onUnreached: (target: string, error: ProviderError) => tally.unreached(target, error.message),
      onIgnored: (target: string, key: Key, reason: string) =>
        tally.problem(key, target, 'unrecorded', `it is passed over, for ${reason}`),
    };
    this.#walk = new AuditWalk(walk, signal);
  }

  async run(): Promise<void> {
    await this.#walk.run((key, row, standing) => {
      this.#look(key, row, standing);
      return this.#imports.length + this.#findings.length >= importInGroupsOf ? this.#flush() : undefined;
    });
    await this.#flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#walk[Symbol.asyncDispose]();
  }

  #look(key: Key, row: ObjectRow | undefined, standing: Standing): void {
    if (row === undefined && !this.#policy.includes(key)) return;
    const changes = row === undefined ? [] : copyChanges(row, standing, { asOf: this.#startedAt, deep: false });
    const isOpen = ({ kind }: Finding): boolean => kind === 'foreign' || kind === 'found';
    if (row === undefined || changes.some(isOpen) || row.copies.some((copy) => mayBeNewer(copy, standing)))
      return this.#walk.later(async () => await this.#hearAll(key, standing, row, changes));
    this.#takeOver(row, standing, changes);
    if (this.#plan.method === 'read') this.#readAll(row, standing, changes);
  }

  /* ---- what the snapshot knows ---- */

  /** What is there is what the snapshot says, or is missing. */
  #takeOver(row: ObjectRow, standing: Standing, changes: readonly Finding[]): void {
    const { tally } = this.#plan;
    tally.add('objects');
    tally.add('bytes', row.size);
    if (changes.length === 0) tally.add('fromSnapshot');
    const changed = new Set(changes.flatMap((finding) => ('target' in finding ? finding.target : [])));
    for (const { target, state, version } of row.copies) {
      if (changed.has(target)) continue;
      if (state === 'verified') tally.add('verified');
      else if (version !== null) tally.add('unproven');
      else if (row.state === 'present' && standing.has(target))
        tally.problem(row.key, target, 'missing', 'it is missing');
    }
    for (const finding of changes) this.#noteChange(row, finding);
    this.#findings.push(...changes);
  }

  #noteChange({ key }: ObjectRow, finding: Finding): void {
    const { tally } = this.#plan;
    if (finding.kind === 'missing') tally.problem(key, finding.target, 'missing', 'it is missing');
    else tally.add('unproven');
  }

  #readAll(row: ObjectRow, standing: Standing, changes: readonly Finding[]): void {
    for (const copy of row.copies) {
      const audited = auditable(row, copy);
      const site = this.#plan.targets.find(({ name }) => name === copy.target);
      const isChanged = changes.some((finding) => 'target' in finding && finding.target === copy.target);
      if (audited === undefined || site === undefined || isChanged || copy.state !== 'verified') continue;
      if (standing.get(copy.target) === undefined) continue;
      this.#walk.later(async () => {
        const audit = await auditCopy(site.provider, audited, this.#options('read'), this.#signal);
        const finding = findingOf(audited, audit);
        if (finding !== undefined) this.#findings.push(finding);
        if (audit.state === 'right') return;
        this.#plan.tally.add('verified', -1);
        if (audit.state === 'missing') return this.#plan.tally.problem(row.key, site.name, 'missing', 'it is missing');
        if (audit.state === 'wrong') return this.#plan.tally.problem(row.key, site.name, 'damaged', audit.why);
        this.#plan.tally.problem(row.key, site.name, 'unreadable', audit.error.message);
      });
    }
  }

  /* ---- what only the copies know ---- */

  async #hearAll(key: Key, standing: Standing, row: ObjectRow | undefined, changes: readonly Finding[]): Promise<void> {
    const { targets, method } = this.#plan;
    const asked = targets.flatMap((site) => {
      const info = standing.get(site.name);
      return info === undefined ? [] : [{ site, info }];
    });
    const answers = asked.map(
      async ({ site, info }) => await hear(site, key, info, this.#options(method), this.#signal),
    );
    const heard = (await Promise.all(answers)).filter((testimony) => testimony !== undefined);
    const judgement = judgeTestimony(key, heard, this.#policy.onCopy, row?.sha256);
    if (row === undefined || isNews(row, judgement)) return this.#take(key, judgement, standing);
    if (!heard.some((copy) => contradicts(copy, row))) return this.#takeOver(row, standing, changes);
    this.#take(key, withKnown(judgement, row, standing), standing);
  }

  #take(key: Key, { object, remarks }: Judgement, standing: Standing): void {
    const { tally } = this.#plan;
    for (const { target, state, message } of remarks) {
      if (state !== 'unreached') tally.problem(key, target, state, message);
    }
    if (object === undefined) return;
    tally.add('objects');
    tally.add('bytes', object.size);
    for (const { state } of object.copies) if (state === 'verified' || state === 'unproven') tally.add(state);
    for (const [target, info] of standing)
      if (info === undefined) tally.problem(key, target, 'missing', 'it is missing');
    this.#imports.push(object);
  }

  #options(method: ProveOptions['method']): ProveOptions {
    const onBytes = (bytes: number): void => this.#plan.tally.add('bytesRead', bytes);
    return { method, now: () => this.#engine.clock.now(), onBytes };
  }

  async #flush(): Promise<void> {
    const { catalog } = this.#engine;
    this.#plan.onProgress(this.#plan.tally.report);
    await catalog.importObjects(this.#policy.name, this.#imports.splice(0));
    await catalog.record(this.#policy.name, this.#findings.splice(0));
  }
}

/** What stands there was never proven to be anything. */
function mayBeNewer({ target, version, evidence }: CopyRow, standing: Standing): boolean {
  return version !== null && evidence === null && standing.get(target) !== undefined;
}

/** Whether the copies say that the object is a newer version than the snapshot has. */
function isNews(row: ObjectRow, { object }: Judgement): boolean {
  if (object === undefined || object.version === row.version) return false;
  return Math.floor(object.modifiedAt) > Math.floor(row.modifiedAt) && (object.sha256 ?? '') !== row.sha256;
}

/** Whether it holds another version, as far as anybody can tell. */
function contradicts({ said, holds }: Testimony, { sha256 }: ObjectRow): boolean {
  return sha256 !== null && said !== undefined && holds.state !== 'wrong' && said.digest.sha256 !== sha256;
}

/**
 * The object stays what the snapshot knows, with the evidence of the copies that are as they were. What stands in the place
 * of the others has none: it may be a version that came after the snapshot, and nobody may take it for damage (`newer.ts`).
 */
function withKnown({ object, remarks }: Judgement, row: ObjectRow, standing: Standing): Judgement {
  if (object === undefined) return { object, remarks };
  const { version, size, modifiedAt, sha256, checksums, attributes } = row;
  const asKnown = row.copies.flatMap((known) => {
    const heard = object.copies.find(({ target }) => target === known.target);
    const isAsItWas = heard === undefined ? !standing.has(known.target) : heard.version === known.version;
    return isAsItWas ? asProven(known) : [];
  });
  const others = object.copies.filter((copy) => asKnown.every(({ target }) => target !== copy.target));
  const copies = [...asKnown, ...others];
  return { object: { ...object, version, size, modifiedAt, sha256, checksums, attributes, copies }, remarks };
}

function asProven({ target, state, version, evidence, recorded }: CopyRow): ImportedCopy[] {
  if (state !== 'verified' || version === null || evidence === null) return [];
  return [{ target, state, version, evidence, recorded: recorded === true }];
}
