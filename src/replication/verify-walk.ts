import type { Finding } from '../catalog/findings.ts';
import type { CopyRow, ObjectRow } from '../catalog/rows.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { auditable, auditCopy, findingOf, type Audit } from './audit-copy.ts';
import { auditSource, type SourceAudit } from './audit-source.ts';
import { AuditWalk, type Standing } from './audit-walk.ts';
import { contradicts } from './compare.ts';
import type { Policy } from './policy.ts';
import type { ProveOptions } from './prove.ts';
import type { Site } from './site.ts';
import type { VerifyReport, VerifyTally } from './verify-report.ts';
import type { Engine } from './worker.ts';

export interface VerifyPlaces {
  readonly targets: readonly Site[];
  /** Undefined where it is not to be read. */
  readonly source: Site | undefined;
  /** Why a place cannot be looked at. */
  readonly unreached: Map<string, ProviderError>;
}

export interface VerifyPlan {
  readonly prefix: string;
  readonly places: VerifyPlaces;
  /** The share of the copies that are read. */
  readonly read: number;
  readonly tally: VerifyTally;
  readonly onProgress: (report: VerifyReport) => void;
}

/** The audit of one policy: the catalog and the targets' listings together, with the reading beside it. */
export class VerifyWalk implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #policy: Policy;
  readonly #plan: VerifyPlan;
  readonly #signal: AbortSignal;
  readonly #walk: AuditWalk<ObjectRow>;

  constructor(engine: Engine, policy: Policy, plan: VerifyPlan, signal: AbortSignal) {
    this.#engine = engine;
    this.#policy = policy;
    this.#plan = plan;
    this.#signal = signal;
    const { prefix, places, tally } = plan;
    const walk = {
      known: engine.catalog.scan(policy.name, { prefix }),
      sites: places.targets.filter(({ name }) => !places.unreached.has(name)),
      prefix,
      concurrency: engine.concurrency.value,
      onWait: () => plan.onProgress(tally.report),
      onUnreached: (target: string, error: ProviderError) => void places.unreached.set(target, error),
    };
    this.#walk = new AuditWalk(walk, signal);
  }

  async run(): Promise<void> {
    await this.#walk.run((key, row, standing) => this.#look(key, row, standing));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#walk[Symbol.asyncDispose]();
  }

  #look(key: Key, row: ObjectRow | undefined, standing: Standing): void {
    if (row === undefined) return this.#unexpected(key, standing);
    for (const site of this.#plan.places.targets) {
      const copy = row.copies.find(({ target }) => target === site.name);
      if (copy !== undefined) this.#lookAt(site, row, copy, standing.get(site.name));
    }
    const { source } = this.#plan.places;
    if (source !== undefined) this.#lookAtSource(source, row);
  }

  #unexpected(key: Key, standing: Standing): void {
    this.#walk.later(async () => {
      // The listing may be newer than the page of the catalog.
      if ((await this.#engine.catalog.inspect(this.#policy.name, key)) !== undefined) return this.#plan.tally.changed();
      for (const [target, info] of standing) {
        if (info === undefined) continue;
        const message = `${info.size} bytes, version ${info.version}: no copy of anything that is known`;
        this.#plan.tally.unexpected(key, target, message);
      }
    });
  }

  #lookAt(site: Site, row: ObjectRow, copy: CopyRow, standing: ObjectInfo | undefined): void {
    const { tally, places } = this.#plan;
    const unreached = places.unreached.get(site.name);
    if (unreached !== undefined) return tally.copy(row.key, site.name, { state: 'unreadable', error: unreached });
    const read = this.#chosen();
    if (!read && isAsListed(row, copy, standing)) return tally.asListed();
    // Evidence that was read is not to be replaced by what the provider says, of bytes that changed least of all.
    const method = read || copy.evidence?.method === 'read' ? 'read' : this.#policy.onCopy;
    const nothing = standing === undefined && copy.version === null;
    this.#walk.later(async () => await this.#audit(site, row, copy, nothing ? undefined : method));
  }

  /** @param method undefined: nothing stands there, and nothing should. What the listing lacks may be newer than it. */
  async #audit(site: Site, row: ObjectRow, copy: CopyRow, method: ProveOptions['method'] | undefined): Promise<void> {
    const audited = auditable(row, copy);
    const audit: Audit = method === undefined ? { state: 'missing' } : await this.#prove(site, row, copy, method);
    if (audit.state !== 'right' && (await this.#changedMeanwhile(row, copy))) return this.#plan.tally.changed();
    const finding = audited === undefined ? undefined : findingOf(audited, audit);
    if (finding !== undefined) await this.#record(finding);
    this.#plan.tally.copy(row.key, site.name, audit);
    this.#plan.onProgress(this.#plan.tally.report);
  }

  async #prove(site: Site, row: ObjectRow, copy: CopyRow, method: ProveOptions['method']): Promise<Audit> {
    const audited = auditable(row, copy);
    if (audited !== undefined) {
      const options: ProveOptions = { method, now: () => this.#engine.clock.now(), onBytes: this.#onBytes };
      return await auditCopy(site.provider, audited, options, this.#signal);
    }
    const message = 'something stands there, and what it must be is not known yet: the object was never read';
    return { state: 'unreadable', error: new ProviderError('conflict', message, { provider: site.name }) };
  }

  /** A daemon beside this writes, repairs and forgets: what it changed since the row was read is not judged by the row. */
  async #changedMeanwhile(row: ObjectRow, { target, updatedAt }: CopyRow): Promise<boolean> {
    const now = await this.#engine.catalog.inspect(this.#policy.name, row.key);
    const copy = now?.object.copies.find((candidate) => candidate.target === target);
    // Another version of the same bytes (the source was only touched) makes no other copy of it.
    const isSame = row.sha256 === null ? now?.object.version === row.version : now?.object.sha256 === row.sha256;
    return !isSame || copy?.updatedAt !== updatedAt;
  }

  #lookAtSource(source: Site, row: ObjectRow): void {
    const { sha256, state } = row;
    if (state === 'gone' || sha256 === null || !this.#chosen()) return;
    this.#walk.later(async () => {
      const audit = await this.#auditSource(source, row, sha256);
      this.#plan.tally.sourceObject(row.key, source.name, audit);
      if (audit.state !== 'right' && audit.state !== 'damaged') return;
      const { version: found, sha256: read } = audit;
      await this.#record({ kind: 'source-read', id: row.id, version: row.version, found, sha256: read });
    });
  }

  async #auditSource(source: Site, row: ObjectRow, sha256: string): Promise<SourceAudit> {
    const error = this.#plan.places.unreached.get(source.name);
    if (error !== undefined) return { state: 'unreadable', error };
    return await auditSource(source, row, sha256, { onBytes: this.#onBytes }, this.#signal);
  }

  readonly #onBytes = (bytes: number): void => this.#plan.tally.read(bytes);

  #chosen(): boolean {
    return this.#engine.random() < this.#plan.read;
  }

  async #record(finding: Finding): Promise<void> {
    await this.#engine.catalog.record(this.#policy.name, [finding]);
  }
}

/** What the listing says of it is what the catalog has: nothing more can be said without reading. */
function isAsListed(row: ObjectRow, copy: CopyRow, standing: ObjectInfo | undefined): boolean {
  if (copy.state !== 'verified' || standing === undefined) return false;
  return standing.version === copy.version && !contradicts(standing, row);
}
