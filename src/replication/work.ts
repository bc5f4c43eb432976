import type { Claim, CopyOutcome, Settlement } from '../catalog/claims.ts';
import type { CopyRow, Observed } from '../catalog/rows.ts';
import type { Digest } from '../objects/checksum.ts';
import type { Random } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import { noAttributes, type Attributes } from '../objects/object.ts';
import { copyCandidates, nowhereToReadFrom, sourceCandidate } from './candidates.ts';
import { asProviderError, WrongSourceError, type CopyJob, type CopyOptions, type CopyResult } from './copy-job.ts';
import { copyObject } from './copy.ts';
import { outcomeOfFailure } from './failure.ts';
import type { Policy } from './policy.ts';
import { digestByReading, prove, type Proof } from './prove.ts';
import type { Candidate } from './read-source.ts';
import { recordedContent } from './recorded.ts';
import type { Site } from './site.ts';
import { changeAtSource } from './source-change.ts';
import type { Destination, Stored } from './store.ts';

export interface WorkOptions extends CopyOptions {
  readonly random: Random;
}

type Learnt = NonNullable<Settlement['learnt']>;

/** A proof that could not be had. */
interface Unanswered {
  readonly error: unknown;
}

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
  /** What the source's bytes were where they are not those known for this version. */
  #damage: Learnt | undefined;

  constructor(claim: Claim, policy: Policy, options: WorkOptions, signal: AbortSignal) {
    this.#claim = claim;
    this.#policy = policy;
    this.#options = options;
    this.#signal = signal;
    const { sha256, checksums } = claim.object;
    if (sha256 !== null) this.#digest = { ...checksums, sha256 };
  }

  /** @returns what to settle, in this order. */
  async run(): Promise<readonly Settlement[]> {
    const leased = this.#claim.object.copies.filter((copy) => this.#claim.targets.includes(copy.target));
    try {
      await this.#workOn(leased);
    } catch (error) {
      // One object that nobody foresaw must not end the work on all others.
      const failure = asProviderError(error, this.#policy.source.name, this.#claim.object.key);
      this.#giveUp(
        leased.filter((copy) => !this.#outcomes.has(copy.target)),
        failure,
      );
    }
    const last = this.#settlement(leased);
    return this.#damage === undefined
      ? [last]
      : [{ ...this.#about(), learnt: this.#damage, copies: [], last: false }, last];
  }

  async #workOn(leased: readonly CopyRow[]): Promise<void> {
    const unproven = leased.filter((copy) => copy.state === 'unproven');
    const lacking = leased.filter((copy) => copy.state !== 'unproven');
    // Copying first: reading the source for those that lack it also tells what the others must hold.
    if (lacking.length > 0) await this.#copyTo(lacking);
    if (unproven.length > 0) await this.#proveOrReplace(unproven);
  }

  #about(): Pick<Settlement, 'objectId' | 'token' | 'version'> {
    const { objectId, token, object } = this.#claim;
    return { objectId, token, version: object.version };
  }

  #settlement(leased: readonly CopyRow[]): Settlement {
    return {
      ...this.#about(),
      ...(this.#learnt === undefined ? {} : { learnt: this.#learnt }),
      ...(this.#observed === undefined ? {} : { observed: this.#observed }),
      copies: leased.map((copy) => this.#outcomes.get(copy.target) ?? { target: copy.target, state: 'released' }),
      last: true,
    };
  }

  /* ---- proving what may be in place ---- */

  async #proveOrReplace(copies: readonly CopyRow[]): Promise<void> {
    if (this.#digest === undefined && (await this.#adoptByRecords(copies))) return;
    try {
      this.#digest ??= await this.#digestFromSource(copies);
    } catch (error) {
      return this.#giveUp(copies, error);
    }
    const digest = this.#digest;
    if (digest === undefined) return this.#giveUp(copies, this.#nowhere());
    const proofs = await this.#proveAll(copies, digest);
    const replace = proofs.flatMap(([copy, proof]) => this.#judge(copy, proof) ?? []);
    if (replace.length > 0) await this.#copyTo(replace);
  }

  /**
   * Copies that Holdfast wrote say what they are: with an unchanged source version that tells the digest without
   * reading the source again, where every one that answers proves to be just that. Otherwise the source decides,
   * for a false record must not make good copies look wrong.
   * @returns whether that settled it.
   */
  async #adoptByRecords(copies: readonly CopyRow[]): Promise<boolean> {
    const { object } = this.#claim;
    const providers = copies.map((copy) => this.#site(copy.target).provider);
    const recorded = await recordedContent(providers, object.key, object, this.#signal);
    if (recorded === undefined) return false;
    const proofs = await this.#proveAll(copies, recorded.digest);
    const answers = proofs.filter(([, proof]) => 'state' in proof);
    if (answers.some(([, proof]) => 'state' in proof && proof.state !== 'right')) return false;
    if (answers.length > 0) this.#learn(recorded.digest, recorded.attributes);
    for (const [copy, proof] of proofs) this.#judge(copy, proof);
    return true;
  }

  async #proveAll(copies: readonly CopyRow[], digest: Digest): Promise<[CopyRow, Proof | Unanswered][]> {
    return await Promise.all(
      copies.map(async (copy): Promise<[CopyRow, Proof | Unanswered]> => [copy, await this.#proveOne(copy, digest)]),
    );
  }

  async #proveOne(copy: CopyRow, digest: Digest): Promise<Proof | Unanswered> {
    const site = this.#site(copy.target);
    const { key, size } = this.#claim.object;
    // Evidence that is still there says: the copy is known, and somebody asked for it to be read.
    const method = copy.evidence === null ? this.#policy.onCopy : 'read';
    try {
      return await prove(site.provider, key, { size, digest }, { ...this.#options, method }, this.#signal);
    } catch (error) {
      return { error };
    }
  }

  /** @returns the copy, with what stands there now, when it is not what it must be. */
  #judge(copy: CopyRow, proof: Proof | Unanswered): CopyRow | undefined {
    if ('error' in proof) {
      this.#fail(copy, proof.error);
      return undefined;
    }
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
      await this.#blameSource(error);
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
        if (from.provider === this.#policy.source.provider) await this.#blameSource(error);
        this.#noteBadCandidate(from, error);
        first ??= error;
      }
    }
    this.#giveUp(copies, first ?? this.#nowhere());
  }

  /** Where the object may be read, in order: the source while it is still that version, then copies with evidence. */
  #candidates(): Candidate[] {
    const copies = copyCandidates(this.#claim.object, (target) => this.#site(target).provider);
    return [this.#source() ?? [], copies].flat();
  }

  #source(): Candidate | undefined {
    const candidate = sourceCandidate(this.#claim.object, this.#policy.source.provider);
    return candidate === undefined || this.#observed !== undefined ? undefined : candidate;
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

  /** Only the source's word is news: a copy is read where the digest is known already. */
  #learnFrom(from: Candidate, read: { readonly digest: Digest; readonly attributes: Attributes }): void {
    if (from.provider === this.#policy.source.provider) this.#learn(read.digest, read.attributes);
  }

  #succeed(copy: CopyRow, { version, evidence, written }: Stored): void {
    const done = copy.state === 'damaged' ? 'repaired' : 'copied';
    const event = written ? done : 'adopted';
    this.#outcomes.set(copy.target, { target: copy.target, state: 'verified', version, evidence, event });
  }

  #fail(copy: CopyRow, thrown: unknown): void {
    const { target } = copy;
    const error = asProviderError(thrown, target, this.#claim.object.key);
    const { now, random } = this.#options;
    const failed = this.#signal.aborted ? undefined : outcomeOfFailure(copy, error, now(), random);
    this.#outcomes.set(target, failed ?? { target, state: 'released' });
  }

  #giveUp(copies: readonly CopyRow[], error: unknown): void {
    for (const copy of copies) this.#fail(copy, error);
  }

  /** What a failed read tells of the source: that it moved on (the guard decides what that means), or is damaged. */
  async #blameSource(error: unknown): Promise<void> {
    if (!(error instanceof ProviderError)) return;
    const { key, version, sha256, attributes } = this.#claim.object;
    const { provider } = this.#policy.source;
    this.#observed ??= await changeAtSource(provider, key, version, error, this.#signal);
    if (!(error instanceof WrongSourceError) || sha256 === null) return;
    const { sha256: found, ...checksums } = error.found;
    this.#damage = { sha256: found, checksums, attributes: attributes ?? noAttributes };
  }

  #noteBadCandidate(from: Candidate, error: ProviderError): void {
    const fields = { policy: this.#policy.name, provider: from.provider.name, key: from.key, code: error.code };
    const level = error instanceof WrongSourceError ? 'error' : 'debug';
    this.#options.log[level](fields, error.message);
  }

  #nowhere(): ProviderError {
    return nowhereToReadFrom(this.#claim.object, this.#policy.source.name);
  }

  #site(target: string): Site {
    const site = this.#policy.targets.find((candidate) => candidate.name === target);
    if (site === undefined) throw new Error(`policy ${this.#policy.name} has no target ${target}`);
    return site;
  }
}
