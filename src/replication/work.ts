import type { Claim, Settlement } from '../catalog/claims.ts';
import type { CopyRow } from '../catalog/rows.ts';
import type { Random } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import { candidateAt, copyCandidates } from './candidates.ts';
import { asProviderError, WrongSourceError, type CopyJob, type CopyOptions, type CopyResult } from './copy-job.ts';
import { copyObject } from './copy.ts';
import { isUnaccounted, keepReplaced, keptAnyway, type KeepingLedger } from './keep.ts';
import { Knowledge } from './knowledge.ts';
import { newerStanding } from './newer.ts';
import { Outcomes } from './outcomes.ts';
import type { Policy } from './policy.ts';
import { faultInRecord, type Proof } from './prove.ts';
import type { Proven, Unanswered } from './proving.ts';
import type { Candidate } from './read-source.ts';
import { sideBySide } from './side-by-side.ts';
import type { Site } from './site.ts';
import type { Destination } from './store.ts';

export interface WorkOptions extends CopyOptions {
  readonly random: Random;
  readonly ledger: KeepingLedger;
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
  readonly #outcomes: Outcomes;
  readonly #knowledge: Knowledge;
  /** Copies that were proven just now, record and all. */
  #sound: readonly Candidate[] = [];

  constructor(claim: Claim, policy: Policy, options: WorkOptions, signal: AbortSignal) {
    this.#claim = claim;
    this.#policy = policy;
    this.#options = options;
    this.#signal = signal;
    this.#outcomes = new Outcomes(claim, options, signal);
    this.#knowledge = new Knowledge(claim, policy, { ...options, method: policy.onCopy }, signal);
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
    return this.#knowledge.settlements(this.#outcomes.of(leased));
  }

  async #workOn(leased: readonly CopyRow[]): Promise<void> {
    const unproven = leased.filter((copy) => this.#mayBeIt(copy));
    const lacking = leased.filter((copy) => !unproven.includes(copy));
    // What stands in place may tell what the object is, or be all that is left of it, and one read of the source that
    // went wrong must not condemn it.
    if (unproven.length > 0) await this.#proveOrReplace(unproven);
    if (lacking.length > 0) await this.#copyTo(lacking);
  }

  /** Something stands there of which nobody knows yet whether it is the object. */
  #mayBeIt({ state, version, evidence }: CopyRow): boolean {
    if (state === 'unproven' || (version !== null && this.#knowledge.mayBeLater)) return true;
    if (version === null || evidence !== null || this.#knowledge.digest !== undefined) return false;
    // What is left of an object that went may be an earlier version, which a crash left unproven.
    return state === 'failed' || (state === 'pending' && this.#knowledge.object.state === 'gone');
  }

  /* ---- proving what may be in place ---- */

  async #proveOrReplace(copies: readonly CopyRow[]): Promise<void> {
    let proofs: readonly Proven[];
    try {
      proofs = await this.#knowledge.proofs(copies);
    } catch (error) {
      return this.#outcomes.allFailed(copies, error);
    }
    const replace = this.#judgeAll(proofs);
    if (replace.length > 0) await this.#copyTo(replace);
  }

  /** @returns the copies that are to be replaced. */
  #judgeAll(proofs: readonly Proven[]): readonly CopyRow[] {
    for (const [copy, proof] of proofs) {
      // Its bytes are right, whatever became of its record: what travels with them is known better here.
      if ('state' in proof && proof.state === 'right') this.#sound = [...this.#sound, this.#candidateOf(copy, proof)];
    }
    return proofs.flatMap(([copy, proof]) => this.#judge(copy, proof) ?? []);
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
    const { provider } = this.#site(copy.target);
    const replaceable = copy.recorded === true && this.#candidates().some((from) => from.provider !== provider);
    if (fault !== undefined && replaceable) return this.#toReplace(copy, proof.version, fault);
    this.#outcomes.proved(copy, proof, fault === undefined);
    return undefined;
  }

  #faultInRecord({ head, evidence }: Extract<Proof, { state: 'right' }>): string | undefined {
    if (head === undefined) return 'nothing is known of its record';
    return faultInRecord(head, evidence.sha256, this.#knowledge.attributes);
  }

  #candidateOf({ target }: CopyRow, { version }: Extract<Proof, { state: 'right' }>): Candidate {
    const { key, size } = this.#knowledge.object;
    return candidateAt(this.#site(target), { key, version, size });
  }

  #toReplace(copy: CopyRow, version: string | null, why: string): CopyRow {
    this.#options.log.warn(
      { policy: this.#policy.name, target: copy.target, key: this.#claim.object.key, why },
      'a copy is not what it must be; it will be replaced',
    );
    return { ...copy, state: 'damaged', version };
  }

  /* ---- copying ---- */

  async #copyTo(asked: readonly CopyRow[]): Promise<void> {
    const mayBeWritten = await this.#withoutNewer(asked);
    const somewhere = this.#candidates().length > 0;
    const copies = somewhere ? await this.#withHistory(mayBeWritten) : mayBeWritten;
    if (copies.length === 0) return;
    const failure = await this.#copyFrom(this.#candidates(), copies);
    if (failure === undefined) return;
    const rest = await this.#withoutRight(copies);
    if (rest.length === 0) return;
    // One of them may be just what the others lack.
    const again = rest.length < copies.length ? await this.#copyFrom(this.#sound, rest) : failure;
    if (again !== undefined) this.#outcomes.allFailed(rest, again);
  }

  /** @returns undefined when it was read somewhere, whatever became of each copy; else why not. */
  async #copyFrom(places: readonly Candidate[], copies: readonly CopyRow[]): Promise<ProviderError | undefined> {
    let first: ProviderError | undefined;
    for (const [place, from] of places.entries()) {
      const isCopy = from.provider !== this.#policy.source.provider;
      // Copies have a known digest: where one fails in the middle, the next one serves the rest.
      const spares = isCopy ? places.slice(place + 1) : [];
      try {
        const result = await copyObject(this.#job(from, copies, spares), this.#copyOptions(from), this.#signal);
        if (result.read !== null) this.#knowledge.learnFrom(from, result.read);
        this.#take(copies, result);
        return undefined;
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        if (!isCopy) await this.#knowledge.blameSource(error);
        this.#noteBadCandidate(from, error);
        first ??= error;
        // All were asked already, unless what came from several of them was wrong.
        if (isCopy && error.code !== 'checksum-mismatch') break;
      }
    }
    return this.#knowledge.hasMovedOn ? this.#knowledge.nowhere() : (first ?? this.#knowledge.nowhere());
  }

  /**
   * There is nowhere to copy from: then what stands there is looked at, were it found wrong before: a read that came out
   * wrong may have been the only thing that was. @returns the copies that are not right.
   */
  async #withoutRight(copies: readonly CopyRow[]): Promise<readonly CopyRow[]> {
    const standing = copies.filter(({ version }) => version !== null);
    const proofs = await this.#knowledge.proveAgain(standing);
    for (const [copy, proof] of proofs) {
      if ('error' in proof || proof.state !== 'right') continue;
      this.#outcomes.proved(copy, proof, this.#faultInRecord(proof) === undefined);
      this.#sound = [...this.#sound, this.#candidateOf(copy, proof)];
    }
    return copies.filter((copy) => !this.#outcomes.has(copy));
  }

  /** What nobody accounts for may be another version than is known here, that nobody else has. @returns the copies that may be written. */
  async #withoutNewer(copies: readonly CopyRow[]): Promise<readonly CopyRow[]> {
    const { object, digest } = this.#knowledge;
    const judged = copies.map(async (copy) => {
      if (!isUnaccounted(copy, digest?.sha256 ?? null)) return [copy];
      try {
        const source = this.#knowledge.source();
        const kept = async () => await this.#options.ledger.keptOf(this.#policy.name, object.key);
        const known = { object, sha256: digest?.sha256, kept };
        const newer = await newerStanding(this.#site(copy.target), copy, known, source, this.#signal);
        if (newer === undefined) return [copy];
        this.#outcomes.failed(copy, newer);
      } catch (error) {
        this.#outcomes.failed(copy, error);
      }
      return [];
    });
    return (await Promise.all(judged)).flat();
  }

  /**
   * Keeps what the overwrites will replace, where it is kept. Copies that replace nothing go along, so that a target which is slow at it is
   * left behind. @returns the copies that may be written.
   */
  async #withHistory(copies: readonly CopyRow[]): Promise<readonly CopyRow[]> {
    const { history: configured, name: policy } = this.#policy;
    const { key, size, version, state } = this.#knowledge.object;
    const sha256 = this.#knowledge.digest?.sha256 ?? null;
    const common = { ...this.#options, method: this.#policy.onCopy, policy };
    const errands = copies.map((copy) => ({
      name: copy.target,
      run: async (signal: AbortSignal): Promise<void> => {
        const history = configured ?? keptAnyway(copy, sha256, state);
        if (history === undefined || copy.version === null) return;
        const options = { ...common, history };
        const replaced = { key, to: this.#destination(copy), evidence: copy.evidence, by: { version, sha256 } };
        await keepReplaced(replaced, { ...options, onSourceBytes: this.#options.onBytes }, signal);
      },
    }));
    const { clock, convoy } = this.#options;
    const ends = await sideBySide(errands, { key, bytes: size, clock, convoy, signal: this.#signal });
    return copies.filter((copy) => {
      const failure = ends.get(copy.target);
      if (failure instanceof ProviderError) this.#outcomes.failed(copy, failure);
      return !(failure instanceof ProviderError);
    });
  }

  /** Where the object may be read, in order: the source while it is still that version, then copies with evidence. */
  #candidates(): Candidate[] {
    const copies = copyCandidates(this.#knowledge.object, this.#policy.targets);
    return [this.#knowledge.source() ?? [], copies, this.#sound].flat();
  }

  #job(from: Candidate, copies: readonly CopyRow[], spares: readonly Candidate[]): CopyJob {
    const { version, modifiedAt, sha256 } = this.#knowledge.object;
    const { attributes, digest } = this.#knowledge;
    const isCopy = from.provider !== this.#policy.source.provider;
    return {
      from,
      spares: { candidates: spares, onLeft: (left, error) => this.#noteBadCandidate(left, error) },
      ...(isCopy && attributes !== null ? { attributes } : {}),
      sourceVersion: version,
      sourceModifiedAt: modifiedAt,
      sha256: digest?.sha256 ?? sha256,
      destinations: copies.map((copy) => this.#destination(copy)),
    };
  }

  #destination(copy: CopyRow): Destination {
    const site = this.#site(copy.target);
    const { capabilities, provider } = site;
    if (capabilities === undefined) throw new Error(`${copy.target} was claimed before it was connected`);
    const isUnwell = (): boolean => site.isStruggling;
    return { name: copy.target, provider, capabilities, occupied: copy.version, isUnwell };
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

  #noteBadCandidate(from: Candidate, error: ProviderError): void {
    const fields = { policy: this.#policy.name, provider: from.provider.name, key: from.key, code: error.code };
    const level = error instanceof WrongSourceError ? 'error' : 'debug';
    this.#options.log[level](fields, error.message);
  }

  #site(target: string): Site {
    const site = this.#policy.targets.find((candidate) => candidate.name === target);
    if (site === undefined) throw new Error(`policy ${this.#policy.name} has no target ${target}`);
    return site;
  }
}
