import type { Claim, Settlement } from '../catalog/claims.ts';
import type { CopyRow, ObjectRow, ObjectVersion, Observed } from '../catalog/rows.ts';
import type { Digest } from '../objects/checksum.ts';
import { ProviderError } from '../objects/errors.ts';
import { noAttributes, type Attributes } from '../objects/object.ts';
import { agreedContent, notHeard, quarantined } from './agreement.ts';
import { nowhereToReadFrom, sourceCandidate } from './candidates.ts';
import { WrongSourceError } from './copy-job.ts';
import type { Policy } from './policy.ts';
import type { ProveOptions } from './prove.ts';
import { proveAll, whatStaysOpen, type Known, type Proven } from './proving.ts';
import type { Candidate } from './read-source.ts';
import { laterThan, newestSaid, recordsOf, saidOf, speakingOf, type Said } from './records.ts';
import type { Site } from './site.ts';
import { confirmSource, readSource, unlessUnreadable } from './source-content.ts';
import { changeAtSource } from './source-change.ts';

type Learnt = NonNullable<Settlement['learnt']>;

export interface KnowledgeOptions extends ProveOptions {
  readonly onSourceBytes: (bytes: number) => void;
}

/** What the bytes of one claimed object are, as far as that is known or can be found out, and what the source told. */
export class Knowledge {
  readonly #claim: Claim;
  readonly #policy: Policy;
  readonly #options: KnowledgeOptions;
  readonly #signal: AbortSignal;
  #object: ObjectRow;
  #digest: Digest | undefined;
  #learnt: Learnt | undefined;
  #observed: Observed | undefined;
  #former: ObjectVersion | undefined;
  /** What the source's bytes were where they are not those known for this version. */
  #damage: Learnt | undefined;

  constructor(claim: Claim, policy: Policy, options: KnowledgeOptions, signal: AbortSignal) {
    this.#claim = claim;
    this.#policy = policy;
    this.#options = options;
    this.#signal = signal;
    this.#object = claim.object;
    const { sha256, checksums } = claim.object;
    if (sha256 !== null) this.#digest = { ...checksums, sha256 };
  }

  /** The object as it was claimed, or as its copies told what it was. */
  get object(): ObjectRow {
    return this.#object;
  }

  get digest(): Digest | undefined {
    return this.#digest;
  }

  get attributes(): Attributes | null {
    return this.#learnt?.attributes ?? this.#object.attributes;
  }

  /** Whether the source was seen not to have this version any more. */
  get hasMovedOn(): boolean {
    return this.#observed !== undefined;
  }

  /** What to settle before the outcomes, and what goes with them. */
  settlements(copies: Settlement['copies']): readonly Settlement[] {
    const { objectId, token, object } = this.#claim;
    const about = { objectId, token, version: object.version };
    const before: Settlement[] = [];
    if (this.#damage !== undefined) before.push({ ...about, learnt: this.#damage, copies: [], last: false });
    if (this.#former !== undefined) before.push({ ...about, former: this.#former, copies: [], last: false });
    const last: Settlement = {
      ...about,
      version: this.#object.version,
      ...(this.#learnt === undefined ? {} : { learnt: this.#learnt }),
      ...(this.#observed === undefined || this.#former !== undefined ? {} : { observed: this.#observed }),
      copies,
      last: true,
    };
    return [...before, last];
  }

  /** The object at the source, while that has the version as far as anybody knows. */
  source(): Candidate | undefined {
    const candidate = sourceCandidate(this.#object, this.#policy.source);
    return this.#observed === undefined ? candidate : undefined;
  }

  /**
   * Proves copies of which something stands in place, finding out first what they must be.
   * @throws ProviderError when that cannot be told (now).
   */
  async proofs(copies: readonly CopyRow[]): Promise<readonly Proven[]> {
    if (this.#digest !== undefined)
      return (await this.#byLaterRecords(copies)) ?? (await this.#proveAll(copies, this.#digest));
    const proofs =
      (await this.#byRecords(copies)) ?? (await this.#bySource(copies)) ?? (await this.#byAgreement(copies));
    if (proofs !== undefined) return proofs;
    throw this.#isGone() ? quarantined(this.#object.key, this.#policy.source.name) : this.nowhere();
  }

  /** Proves that copies hold what is known, by reading them. */
  async proveAgain(copies: readonly CopyRow[]): Promise<readonly Proven[]> {
    if (this.#digest === undefined) return [];
    return await this.#proveAll(copies, this.#digest, 'read');
  }

  /** Only the source's word is news: a copy is read where the digest is known already. */
  learnFrom(from: Candidate, read: Known): void {
    if (from.provider === this.#policy.source.provider) this.#learn(read);
  }

  /** What a failed read tells of the source: that it moved on (the guard decides what that means), or is damaged. */
  async blameSource(error: unknown): Promise<void> {
    if (!(error instanceof ProviderError)) return;
    const { sha256, attributes } = this.#object;
    this.#observed ??= await changeAtSource(this.#policy.source, this.#object, error, this.#signal);
    if (!(error instanceof WrongSourceError) || sha256 === null) return;
    const { sha256: found, ...checksums } = error.found;
    this.#damage = { sha256: found, checksums, attributes: attributes ?? noAttributes };
  }

  nowhere(): ProviderError {
    return nowhereToReadFrom(this.#object, this.#policy.source.name);
  }

  /* ---- finding out what the object is ---- */

  /**
   * Copies that Holdfast wrote say what they are: with an unchanged source version that tells the digest without
   * reading the source again, where every one that answers proves to be just that. Otherwise the source decides,
   * for a false record must not make good copies look wrong.
   */
  async #byRecords(copies: readonly CopyRow[]): Promise<readonly Proven[] | undefined> {
    const { key, version, doubted } = this.#object;
    if (doubted === true) return undefined;
    // Also those that are not claimed: what one says alone must not decide against what the others say.
    const heard = this.#standing();
    const { said, silent } = await recordsOf(heard, key, this.#site, this.#signal);
    // The source alone must not decide what they were: what it has now may be the damage.
    if (silent.length > 0 && silent.length === heard.length) return silent.filter(([copy]) => copies.includes(copy));
    const [[unheard] = []] = silent;
    const present = saidOf(said, this.#object);
    if (present === undefined) {
      // Where nobody else can tell, the one that holds the newest version must not be passed over.
      if (unheard !== undefined && this.#isGone()) throw notHeard(key, unheard.target);
      // Records of the present version that contradict each other do not make it another one.
      const former = said.some(({ of }) => of.version === version) ? undefined : newestSaid(said);
      return await this.#byFormerRecords(copies, former);
    }
    if (unheard !== undefined && (await this.#isContradicted(copies, present, said)))
      throw notHeard(key, unheard.target);
    const proofs = await this.#proveAll(copies, present.digest);
    const answers = proofs.flatMap(([, proof]) => ('state' in proof ? [proof.state] : []));
    if (answers.some((state) => state !== 'right')) return undefined;
    if (answers.length > 0) this.#learn(present);
    return proofs;
  }

  /**
   * The catalog never knew this object, and its copies say that they are another version of it (the catalog was lost):
   * then that is what the object was, and what the source has now is a change like any other, for the guard to judge.
   * Taking it for news would let a loss at the source pass together with the catalog.
   */
  async #byFormerRecords(copies: readonly CopyRow[], said: Said | undefined): Promise<readonly Proven[] | undefined> {
    const { observed, rejected, copies: all } = this.#object;
    const neverKnown = all.every(({ evidence }) => evidence === null);
    if (said === undefined || !neverKnown || observed !== null || rejected !== null) return undefined;
    const same = await this.#bySameBytes(copies, said);
    if (same !== undefined) return same;
    const former = { ...this.#object, ...said.of };
    const proofs = await this.#proveAll(copies, said.digest, undefined, former);
    if (!proofs.some(([, proof]) => 'state' in proof && proof.state === 'right')) return whatStaysOpen(proofs);
    const { version, size, modifiedAt } = this.#object;
    // A gone one went before its last version was copied: nothing is left to be judged.
    if (this.#object.state !== 'gone') this.#observed = { kind: 'overwritten', version, size, modifiedAt };
    this.#former = said.of;
    this.#object = former;
    this.#learn(said);
    return proofs;
  }

  /** Whether a copy may be of a version that the object had after the one that its row went back to. */
  get mayBeLater(): boolean {
    return this.#isGone() && this.#object.rejected === null && laterThan(this.#object).length > 0;
  }

  /**
   * A crash kept the catalog from hearing that a version was copied; when the object went, its row went back to the one before.
   * What the copies say is believed of versions that the catalog knows: then that is what the object was at last.
   */
  async #byLaterRecords(copies: readonly CopyRow[]): Promise<readonly Proven[] | undefined> {
    if (!this.mayBeLater) return undefined;
    const later = laterThan(this.#object);
    const { said } = await recordsOf(this.#standing(), this.#object.key, this.#site, this.#signal);
    const latest = said
      .filter(({ of }) => later.includes(of.version))
      .toSorted((a, b) => later.indexOf(b.of.version) - later.indexOf(a.of.version))[0];
    if (latest === undefined) return undefined;
    const object = { ...this.#object, ...latest.of };
    const proofs = await this.#proveAll(copies, latest.digest, undefined, object);
    if (!proofs.some(([, proof]) => 'state' in proof && proof.state === 'right')) return undefined;
    this.#former = latest.of;
    this.#object = object;
    this.#learn(latest);
    return proofs;
  }

  /** The source has the very bytes that the copies say they are: they were brought back there, which is no change. */
  async #bySameBytes(copies: readonly CopyRow[], said: Said): Promise<readonly Proven[] | undefined> {
    if (this.source()?.size !== said.of.size) return undefined;
    const known = await this.#ofSource(copies);
    if (known?.digest.sha256 !== said.digest.sha256) return undefined;
    const proofs = await this.#proveAll(copies, known.digest);
    this.#learn(known);
    return proofs;
  }

  /** Where others are silent, one voice alone is not believed against the source: either may be the damaged one. */
  async #isContradicted(copies: readonly CopyRow[], { digest }: Known, said: readonly Said[]): Promise<boolean> {
    if (speakingOf(said, this.#object).length > 1) return false;
    const known = await this.#ofSource(copies);
    return known !== undefined && known.digest.sha256 !== digest.sha256;
  }

  async #ofSource(copies: readonly CopyRow[]): Promise<Known | undefined> {
    const from = this.source();
    return from === undefined ? undefined : await unlessUnreadable(this.#readSource(from, copies), this.#signal);
  }

  async #bySource(copies: readonly CopyRow[]): Promise<readonly Proven[] | undefined> {
    const from = this.source();
    if (from === undefined) return undefined;
    try {
      const known = await this.#readSource(from, copies);
      const proofs = await this.#proveAll(copies, known.digest);
      const contradicted = proofs.some(([, proof]) => 'state' in proof && proof.state === 'wrong');
      if (contradicted) await confirmSource(from, known, this.#options.onSourceBytes, this.#signal);
      this.#learn(known);
      return proofs;
    } catch (error) {
      await this.blameSource(error);
      throw this.#observed === undefined ? error : this.nowhere();
    }
  }

  async #readSource(from: Candidate, copies: readonly CopyRow[]): Promise<Known> {
    // Whatever the targets may attest is computed in the same read, so that they need not be read back.
    const algorithms = copies.flatMap(({ target }) => this.#site(target).capabilities?.wants.put ?? []);
    return await readSource(from, algorithms, this.#options.onSourceBytes, this.#signal);
  }

  /** The source does not have it any more: the copies themselves are asked, all of them. */
  async #byAgreement(copies: readonly CopyRow[]): Promise<readonly Proven[] | undefined> {
    if (!this.#isGone()) return undefined;
    const { key, version, size } = this.#object;
    const silent = this.#object.copies.find((copy) => copy.version !== null && !copies.includes(copy));
    if (silent !== undefined) throw notHeard(key, silent.target);
    const providers = copies.map(({ target }) => this.#site(target).provider);
    const agreed = await agreedContent(providers, { key, version, size }, this.#options.onBytes, this.#signal);
    if (agreed === undefined) return undefined;
    this.#learn(agreed, true);
    return await this.#proveAll(copies, agreed.digest);
  }

  /** Copies of which something stands at its key, claimed or not. */
  #standing(): readonly CopyRow[] {
    const targets = this.#policy.targets.map(({ name }) => name);
    return this.#object.copies.filter(({ target, version }) => version !== null && targets.includes(target));
  }

  #isGone(): boolean {
    const { state, observed } = this.#object;
    return state === 'gone' && observed === null && this.#observed === undefined;
  }

  #learn({ digest, attributes }: Known, provisional = false): void {
    const { sha256, ...checksums } = digest;
    this.#digest = digest;
    this.#learnt = { sha256, checksums, attributes, ...(provisional ? { provisional } : {}) };
  }

  async #proveAll(
    copies: readonly CopyRow[],
    digest: Digest,
    method: ProveOptions['method'] = this.#policy.onCopy,
    object = this.#object,
  ): Promise<readonly Proven[]> {
    return await proveAll(copies, object, digest, this.#site, { ...this.#options, method }, this.#signal);
  }

  readonly #site = (target: string): Site => {
    const site = this.#policy.targets.find((candidate) => candidate.name === target);
    if (site === undefined) throw new Error(`policy ${this.#policy.name} has no target ${target}`);
    return site;
  };
}
