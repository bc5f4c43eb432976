import type { Claim, CopyOutcome, CopyRow, Observed, Settlement } from '../catalog/catalog.ts';
import type { Digest } from '../objects/checksum.ts';
import type { Random } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Attributes } from '../objects/object.ts';
import { verdictOn } from './backoff.ts';
import { WrongSourceError, type CopyJob, type CopyOptions, type CopyResult } from './copy-job.ts';
import { copyObject } from './copy.ts';
import type { Policy } from './policy.ts';
import { digestByReading, headIfThere, prove, type Proof } from './prove.ts';
import type { Candidate } from './read-source.ts';
import type { Site } from './site.ts';
import { OccupiedError, WrongCopyError, type Destination, type Stored } from './store.ts';

export interface WorkOptions extends CopyOptions {
  readonly random: Random;
}

type Learnt = NonNullable<Settlement['learnt']>;

/**
 * One claimed object: proves the copies that may be in place, copies what is missing from a place where the object
 * is whole, and says what became of each leased copy. Decides nothing about the source's own changes: those become
 * `observed` and wait for the guard.
 */
export class Work {
  readonly #claim: Claim;
  readonly #policy: Policy;
  readonly #options: WorkOptions;
  readonly #signal: AbortSignal;
  readonly #outcomes = new Map<string, CopyOutcome>();
  #digest: Digest | undefined;
  #learnt: Learnt | undefined;
  #observed: Observed | undefined;

  constructor(claim: Claim, policy: Policy, options: WorkOptions, signal: AbortSignal) {
    this.#claim = claim;
    this.#policy = policy;
    this.#options = options;
    this.#signal = signal;
    const { sha256, checksums } = claim.object;
    if (sha256 !== null) this.#digest = { ...checksums, sha256 };
  }

  async run(): Promise<Settlement> {
    const leased = this.#claim.object.copies.filter((copy) => this.#claim.targets.includes(copy.target));
    const unproven = leased.filter((copy) => copy.state === 'unproven');
    const lacking = leased.filter((copy) => copy.state !== 'unproven');
    // Copying first: reading the source for those that lack it also tells what the others must hold.
    if (lacking.length > 0) await this.#copyTo(lacking);
    if (unproven.length > 0) await this.#proveOrReplace(unproven);
    return this.#settlement(leased);
  }

  #settlement(leased: readonly CopyRow[]): Settlement {
    const { objectId, token, object } = this.#claim;
    return {
      objectId,
      token,
      version: object.version,
      ...(this.#learnt === undefined ? {} : { learnt: this.#learnt }),
      ...(this.#observed === undefined ? {} : { observed: this.#observed }),
      copies: leased.map((copy) => this.#outcomes.get(copy.target) ?? { target: copy.target, state: 'released' }),
      last: true,
    };
  }

  /* ---- proving what may be in place ---- */

  async #proveOrReplace(copies: readonly CopyRow[]): Promise<void> {
    try {
      this.#digest ??= (await this.#digestFromRecords(copies)) ?? (await this.#digestFromSource(copies));
    } catch (error) {
      if (error instanceof ProviderError) return this.#giveUp(copies, error);
      throw error;
    }
    const digest = this.#digest;
    if (digest === undefined) return;
    const wrong = await Promise.all(copies.map(async (copy) => await this.#proveOne(copy, digest)));
    const replace = wrong.filter((copy) => copy !== undefined);
    if (replace.length > 0) await this.#copyTo(replace);
  }

  /** @returns the copy, with what stands there now, when it is not what it must be. */
  async #proveOne(copy: CopyRow, digest: Digest): Promise<CopyRow | undefined> {
    const site = this.#site(copy.target);
    const { key, size } = this.#claim.object;
    // Evidence that is still there says: the copy is known, and somebody asked for it to be read.
    const method = copy.evidence === null ? this.#policy.onCopy : 'read';
    try {
      const proof = await prove(site.provider, key, { size, digest }, { ...this.#options, method }, this.#signal);
      return this.#judge(copy, proof);
    } catch (error) {
      this.#fail(copy, error);
      return undefined;
    }
  }

  #judge(copy: CopyRow, proof: Proof): CopyRow | undefined {
    if (proof.state !== 'right') {
      const why = proof.state === 'missing' ? 'it is missing' : proof.why;
      this.#options.log.warn(
        { policy: this.#policy.name, target: copy.target, key: this.#claim.object.key, why },
        'a copy is not what it must be; it will be replaced',
      );
      return { ...copy, state: 'damaged', version: proof.state === 'missing' ? null : proof.version };
    }
    const event = copy.evidence === null ? 'adopted' : 'rechecked';
    const { version, evidence } = proof;
    this.#outcomes.set(copy.target, { target: copy.target, state: 'verified', version, evidence, event });
    return undefined;
  }

  /**
   * Copies that Holdfast wrote say what they are: with an unchanged source version that tells the digest without
   * reading the source again. It is a claim; what counts is the proof that follows.
   */
  async #digestFromRecords(copies: readonly CopyRow[]): Promise<Digest | undefined> {
    const { key, size, version } = this.#claim.object;
    for (const copy of copies) {
      const head = await headIfThere(this.#site(copy.target).provider, key, this.#signal);
      const record = head?.record;
      if (head === undefined || record === undefined) continue;
      if (record.sourceVersion !== version || record.size !== size || head.size !== size) continue;
      const digest: Digest = { ...record.checksums, sha256: record.sha256 };
      this.#learn(digest, head.attributes);
      return digest;
    }
    return undefined;
  }

  async #digestFromSource(copies: readonly CopyRow[]): Promise<Digest | undefined> {
    const from = this.#source();
    if (from === undefined) return undefined;
    try {
      const head = await from.provider.head(from.key, this.#signal);
      // Whatever the targets may attest is computed in the same read, so that they need not be read back.
      const algorithms = copies.flatMap((copy) => this.#site(copy.target).capabilities?.wants.put ?? []);
      const digest = await digestByReading(from, algorithms, this.#options.onSourceBytes, this.#signal);
      this.#learn(digest, head.attributes);
      return digest;
    } catch (error) {
      await this.#lookAtSource(error);
      throw error;
    }
  }

  /* ---- copying ---- */

  async #copyTo(copies: readonly CopyRow[]): Promise<void> {
    let first: ProviderError | undefined;
    for (const from of this.#candidates()) {
      try {
        const result = await copyObject(this.#job(from, copies), this.#copyOptions(from), this.#signal);
        if (result.read !== null) this.#learnFrom(from, result.read);
        return this.#take(copies, result);
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        if (from.provider === this.#policy.source.provider) await this.#lookAtSource(error);
        this.#noteBadCandidate(from, error);
        first ??= error;
      }
    }
    this.#giveUp(copies, first ?? this.#nowhere());
  }

  /** Where the object may be read, in order: the source while it is still that version, then copies with evidence. */
  *#candidates(): Generator<Candidate> {
    const source = this.#source();
    if (source !== undefined) yield source;
    const { key, size, sha256, copies } = this.#claim.object;
    // Without a known digest a copy cannot be told from damage while it streams.
    if (sha256 === null) return;
    for (const copy of copies) {
      if (copy.state !== 'verified' || copy.version === null) continue;
      yield { provider: this.#site(copy.target).provider, key, version: copy.version, size };
    }
  }

  #source(): Candidate | undefined {
    const { key, size, version, state, observed } = this.#claim.object;
    if (state === 'gone' || observed !== null || this.#observed !== undefined) return undefined;
    return { provider: this.#policy.source.provider, key, version, size };
  }

  #job(from: Candidate, copies: readonly CopyRow[]): CopyJob {
    const { version, modifiedAt, sha256 } = this.#claim.object;
    return {
      from,
      sourceVersion: version,
      sourceModifiedAt: modifiedAt,
      sha256: this.#digest?.sha256 ?? sha256,
      destinations: copies.map((copy) => this.#destination(copy)),
    };
  }

  #destination(copy: CopyRow): Destination {
    const site = this.#site(copy.target);
    const { capabilities, provider } = site;
    if (capabilities === undefined) throw new Error(`${copy.target} was claimed before it was connected`);
    return { name: copy.target, provider, capabilities, occupied: copy.version };
  }

  #copyOptions(from: Candidate): CopyOptions {
    const method = this.#policy.onCopy;
    if (from.provider === this.#policy.source.provider) return { ...this.#options, method };
    return { ...this.#options, method, onSourceBytes: this.#options.onBytes };
  }

  #take(copies: readonly CopyRow[], result: CopyResult): void {
    for (const copy of copies) {
      const outcome = result.outcomes.get(copy.target);
      if (outcome === undefined) continue;
      if (outcome instanceof ProviderError) this.#fail(copy, outcome);
      else this.#succeed(copy, outcome);
    }
  }

  /* ---- what became of it ---- */

  #learn(digest: Digest, attributes: Attributes): void {
    const { sha256, ...checksums } = digest;
    this.#digest = digest;
    this.#learnt = { sha256, checksums, attributes };
  }

  /** Attributes are the source's word; those read back from a copy only stand in while the source was never read. */
  #learnFrom(from: Candidate, read: { readonly digest: Digest; readonly attributes: Attributes }): void {
    const fromSource = from.provider === this.#policy.source.provider;
    this.#learn(read.digest, fromSource ? read.attributes : (this.#claim.object.attributes ?? read.attributes));
  }

  #succeed(copy: CopyRow, { version, evidence, written }: Stored): void {
    const done = copy.state === 'damaged' ? 'repaired' : 'copied';
    const event = written ? done : 'adopted';
    this.#outcomes.set(copy.target, { target: copy.target, state: 'verified', version, evidence, event });
  }

  #fail(copy: CopyRow, error: unknown): void {
    if (!(error instanceof ProviderError)) throw error;
    const { target } = copy;
    const { code, message } = error;
    if (code === 'aborted' || this.#signal.aborted) {
      this.#outcomes.set(target, { target, state: 'released' });
      return;
    }
    const now = this.#options.now();
    if (error instanceof OccupiedError) {
      this.#outcomes.set(target, {
        target,
        state: 'damaged',
        version: error.version,
        dueAt: now,
        error: { code, message },
      });
      return;
    }
    const { state, delay } = verdictOn(code, copy.attempts, this.#options.random);
    const dueAt = now + Math.max(delay, error.retryAfterMs ?? 0);
    if (error instanceof WrongCopyError) {
      this.#outcomes.set(target, {
        target,
        state: 'damaged',
        version: error.standing,
        dueAt,
        error: { code, message },
      });
    } else if (copy.state === 'damaged' && state === 'retry') {
      this.#outcomes.set(target, { target, state: 'damaged', version: copy.version, dueAt, error: { code, message } });
    } else this.#outcomes.set(target, { target, state, dueAt, error: { code, message } });
  }

  #giveUp(copies: readonly CopyRow[], error: ProviderError): void {
    for (const copy of copies) this.#fail(copy, error);
  }

  /** After a failed read: whether the source moved on. Then the object waits, as observed, for the guard's decision. */
  async #lookAtSource(error: unknown): Promise<void> {
    if (!(error instanceof ProviderError) || (error.code !== 'conflict' && error.code !== 'not-found')) return;
    const { key, version } = this.#claim.object;
    const head = await headIfThere(this.#policy.source.provider, key, this.#signal);
    if (head === undefined) this.#observed = { kind: 'vanished' };
    else if (head.version !== version) {
      const { size, modifiedAt } = head;
      this.#observed = { kind: 'overwritten', version: head.version, size, modifiedAt };
    }
  }

  #noteBadCandidate(from: Candidate, error: ProviderError): void {
    const fields = { policy: this.#policy.name, provider: from.provider.name, key: from.key, code: error.code };
    const level = error instanceof WrongSourceError ? 'error' : 'debug';
    this.#options.log[level](fields, error.message);
  }

  #nowhere(): ProviderError {
    const { key } = this.#claim.object;
    const message = `${key} changed at the source and no verified copy of this version is left to copy from; the next pass decides`;
    return new ProviderError('conflict', message, { provider: this.#policy.source.name, key });
  }

  #site(target: string): Site {
    const site = this.#policy.targets.find((candidate) => candidate.name === target);
    if (site === undefined) throw new Error(`policy ${this.#policy.name} has no target ${target}`);
    return site;
  }
}
