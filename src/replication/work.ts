import type { Claim, Settlement } from '../catalog/claims.ts';
import type { CopyRow, Observed } from '../catalog/rows.ts';
import type { Digest } from '../objects/checksum.ts';
import type { Random } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import { noAttributes, type Attributes } from '../objects/object.ts';
import { agreedContent, quarantined } from './agreement.ts';
import { copyCandidates, nowhereToReadFrom, sourceCandidate } from './candidates.ts';
import { asProviderError, WrongSourceError, type CopyJob, type CopyOptions, type CopyResult } from './copy-job.ts';
import { copyObject } from './copy.ts';
import { Outcomes } from './outcomes.ts';
import type { Policy } from './policy.ts';
import { digestByReading, faultInRecord, type Proof } from './prove.ts';
import { proveAll, type Proven, type Unanswered } from './proving.ts';
import type { Candidate } from './read-source.ts';
import { recordedContent } from './recorded.ts';
import type { Site } from './site.ts';
import { changeAtSource } from './source-change.ts';
import type { Destination } from './store.ts';

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
  readonly #outcomes: Outcomes;
  #digest: Digest | undefined;
  #learnt: Learnt | undefined;
  #observed: Observed | undefined;
  /** Copies that were proven just now, record and all. */
  #sound: readonly Candidate[] = [];
  /** What the source's bytes were where they are not those known for this version. */
  #damage: Learnt | undefined;

  constructor(claim: Claim, policy: Policy, options: WorkOptions, signal: AbortSignal) {
    this.#claim = claim;
    this.#policy = policy;
    this.#options = options;
    this.#signal = signal;
    this.#outcomes = new Outcomes(claim, options, signal);
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
      const open = leased.filter((copy) => !this.#outcomes.has(copy));
      this.#outcomes.allFailed(open, failure);
    }
    const last = this.#settlement(leased);
    return this.#damage === undefined
      ? [last]
      : [{ ...this.#about(), learnt: this.#damage, copies: [], last: false }, last];
  }

  async #workOn(leased: readonly CopyRow[]): Promise<void> {
    const unproven = leased.filter((copy) => this.#mayBeIt(copy));
    const lacking = leased.filter((copy) => !unproven.includes(copy));
    const steps = [
      async (): Promise<void> => await this.#copyTo(lacking),
      async (): Promise<void> => await this.#proveOrReplace(unproven),
    ];
    if (unproven.length === 0) steps.pop();
    if (lacking.length === 0) steps.shift();
    // Copying first: reading the source for those that lack it also tells what the others must hold. Unless it is only
    // the others that may have what is lacking.
    for (const step of this.#candidates().length > 0 ? steps : steps.toReversed()) await step();
  }

  /** Something stands there of which nobody knows yet whether it is the object. */
  #mayBeIt({ state, version, evidence }: CopyRow): boolean {
    if (state === 'unproven') return true;
    return state === 'failed' && version !== null && evidence === null && this.#digest === undefined;
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
      copies: this.#outcomes.of(leased),
      last: true,
    };
  }

  /* ---- proving what may be in place ---- */

  async #proveOrReplace(copies: readonly CopyRow[]): Promise<void> {
    const proofs = (await this.#proofsByRecords(copies)) ?? (await this.#proofsByDigest(copies));
    this.#sound = proofs.flatMap(([copy, proof]) => this.#soundCandidate(copy, proof) ?? []);
    const replace = proofs.flatMap(([copy, proof]) => this.#judge(copy, proof) ?? []);
    if (replace.length > 0) await this.#copyTo(replace);
  }

  /**
   * Copies that Holdfast wrote say what they are: with an unchanged source version that tells the digest without
   * reading the source again, where every one that answers proves to be just that. Otherwise the source decides,
   * for a false record must not make good copies look wrong.
   */
  async #proofsByRecords(copies: readonly CopyRow[]): Promise<readonly Proven[] | undefined> {
    if (this.#digest !== undefined) return undefined;
    const { object } = this.#claim;
    const providers = copies.map((copy) => this.#site(copy.target).provider);
    const recorded = await recordedContent(providers, object.key, object, this.#signal);
    if (recorded === undefined) return undefined;
    const proofs = await this.#proveAll(copies, recorded.digest);
    const answers = proofs.flatMap(([, proof]) => ('state' in proof ? [proof.state] : []));
    if (answers.some((state) => state !== 'right')) return undefined;
    if (answers.length > 0) this.#learn(recorded.digest, recorded.attributes);
    return proofs;
  }

  /** @returns nothing where no digest is to be had; those copies have their outcome. */
  async #proofsByDigest(copies: readonly CopyRow[]): Promise<readonly Proven[]> {
    try {
      this.#digest ??= (await this.#digestFromSource(copies)) ?? (await this.#digestByAgreement(copies));
    } catch (error) {
      this.#outcomes.allFailed(copies, this.#observed === undefined ? error : this.#nowhere());
      return [];
    }
    if (this.#digest !== undefined) return await this.#proveAll(copies, this.#digest);
    const { key } = this.#claim.object;
    for (const copy of copies)
      this.#outcomes.failed(copy, this.#isOverwritten() ? this.#nowhere() : quarantined(key, copy.target));
    return [];
  }

  async #proveAll(copies: readonly CopyRow[], digest: Digest): Promise<readonly Proven[]> {
    const options = { ...this.#options, method: this.#policy.onCopy };
    return await proveAll(copies, this.#claim.object, digest, (target) => this.#site(target), options, this.#signal);
  }

  /** @returns the copy, with what stands there now, when it is not what it must be. */
  #judge(copy: CopyRow, proof: Proof | Unanswered): CopyRow | undefined {
    if ('error' in proof) {
      this.#outcomes.failed(copy, proof.error);
      return undefined;
    }
    if (proof.state === 'missing') return this.#toReplace(copy, null, 'it is missing');
    if (proof.state === 'wrong') return this.#toReplace(copy, proof.version, proof.why);
    const fault = this.#faultInRecord(proof);
    // Right bytes without their record are worth keeping where nothing else could be put in their place.
    const replaceable = copy.recorded === true && this.#candidates().length > 0;
    if (fault !== undefined && replaceable) return this.#toReplace(copy, proof.version, fault);
    this.#outcomes.proved(copy, proof, fault === undefined);
    return undefined;
  }

  #faultInRecord({ head, evidence }: Extract<Proof, { state: 'right' }>): string | undefined {
    const attributes = this.#learnt?.attributes ?? this.#claim.object.attributes;
    return head === undefined ? 'nothing is known of its record' : faultInRecord(head, evidence.sha256, attributes);
  }

  #soundCandidate(copy: CopyRow, proof: Proof | Unanswered): Candidate | undefined {
    if ('error' in proof || proof.state !== 'right' || this.#faultInRecord(proof) !== undefined) return undefined;
    const { key, size } = this.#claim.object;
    return { provider: this.#site(copy.target).provider, key, version: proof.version, size };
  }

  #toReplace(copy: CopyRow, version: string | null, why: string): CopyRow {
    this.#options.log.warn(
      { policy: this.#policy.name, target: copy.target, key: this.#claim.object.key, why },
      'a copy is not what it must be; it will be replaced',
    );
    return { ...copy, state: 'damaged', version };
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

  /** The source has another version of it: what that means is decided soon, and then the source tells. */
  #isOverwritten(): boolean {
    return (this.#observed ?? this.#claim.object.observed)?.kind === 'overwritten';
  }

  /** The source does not have it any more: the copies themselves are asked. */
  async #digestByAgreement(copies: readonly CopyRow[]): Promise<Digest | undefined> {
    if (this.#isOverwritten()) return undefined;
    const { key, size } = this.#claim.object;
    const providers = copies.map((copy) => this.#site(copy.target).provider);
    const agreed = await agreedContent(providers, key, { size, onBytes: this.#options.onBytes }, this.#signal);
    if (agreed !== undefined) this.#learn(agreed.digest, agreed.attributes);
    return agreed?.digest;
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
    this.#outcomes.allFailed(copies, this.#observed === undefined ? (first ?? this.#nowhere()) : this.#nowhere());
  }

  /** Where the object may be read, in order: the source while it is still that version, then copies with evidence. */
  #candidates(): Candidate[] {
    const copies = copyCandidates(this.#claim.object, this.#policy.targets);
    return [this.#source() ?? [], copies, this.#sound].flat();
  }

  #source(): Candidate | undefined {
    const candidate = sourceCandidate(this.#claim.object, this.#policy.source.provider);
    return candidate === undefined || this.#observed !== undefined ? undefined : candidate;
  }

  #job(from: Candidate, copies: readonly CopyRow[]): CopyJob {
    const { version, modifiedAt, sha256, attributes } = this.#claim.object;
    const isCopy = from.provider !== this.#policy.source.provider;
    return {
      from,
      ...(isCopy && attributes !== null ? { attributes } : {}),
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
      if (outcome instanceof ProviderError) this.#outcomes.failed(copy, outcome);
      else this.#outcomes.stored(copy, outcome);
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
