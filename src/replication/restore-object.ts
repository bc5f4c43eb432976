import { ProviderError } from '../objects/errors.ts';
import { isoTime } from '../objects/iso-time.ts';
import { differingAttribute, type ObjectHead } from '../objects/object.ts';
import type { CopyOptions } from './copy-job.ts';
import { copyFromAny } from './copy-from.ts';
import { failureOfOne } from './failure.ts';
import { headIfThere, prove } from './prove.ts';
import type { Candidate } from './read-source.ts';
import { agreedChoice } from './restore-agreement.ts';
import { isOlder, knownChoice, saidChoices, wantedOf, type Asked, type Choice } from './restore-choices.ts';
import { isOutdated, knownOffers } from './restore-outdated.ts';
import { offersAt, standing } from './restore-at.ts';
import { keptOf, type KeptPlaces } from './restore-kept.ts';
import type { Outcome, RestoreProblem } from './restore-report.ts';
import type { RestoreTo } from './restore-plan.ts';
import type { Sighting, Standing } from './restore-walk.ts';
import { OccupiedError, type Stored } from './store.ts';

export interface ObjectOptions extends CopyOptions {
  /** Undefined: nothing is there, and nothing is to be written. */
  readonly to: RestoreTo | undefined;
  readonly overwrite: boolean;
  readonly dryRun: boolean;
  /** Each object as it was then; undefined: as it is. */
  readonly at: number | undefined;
  readonly kept: KeptPlaces;
  /** A place did not answer: it may hold what nobody else does. */
  readonly onUnreached: (provider: string, error: ProviderError) => void;
  /** What a dry run would read. */
  readonly onChosen: (choice: Choice) => void;
}

/** What became of an object, and of which version. */
export interface Restored {
  readonly outcome: Outcome;
  readonly choice?: Choice;
  /** Its version at the destination. */
  readonly version?: string;
  /** Why it is an older version; undefined when it is the one wanted. */
  readonly older?: Omit<RestoreProblem, 'key'> | undefined;
}

type End = Pick<Restored, 'outcome' | 'version'>;

/** A version to try; `older` says why it is not the one wanted. */
export interface Offer {
  readonly choice: Choice;
  readonly older: boolean;
  /** Why a newer one is not offered before it. */
  readonly because?: ProviderError;
}

/** Brings one object back: the first of the versions offered whose bytes are right. An older one replaces nothing. */
export class ObjectRestore {
  readonly #sighting: Sighting;
  readonly #options: ObjectOptions;
  readonly #signal: AbortSignal;

  constructor(sighting: Sighting, options: ObjectOptions, signal: AbortSignal) {
    this.#sighting = { ...sighting, standing: downLast(sighting.standing) };
    this.#options = options;
    this.#signal = signal;
  }

  /** @returns undefined for an object that was not there at the time. */
  async run(): Promise<Restored | undefined> {
    const { at } = this.#options;
    if (at === undefined) return await this.#firstOf(this.#newestFirst());
    try {
      const offers = await this.#asItWas(at);
      return offers.length === 0 ? undefined : await this.#firstOf(offers);
    } catch (error) {
      return { outcome: failed(this.#failure(error)) };
    }
  }

  /** @param offers the versions that may be restored, the best first. */
  async #firstOf(offers: AsyncIterable<Offer> | Iterable<Offer>): Promise<Restored> {
    let first: ProviderError | undefined;
    try {
      for await (const { choice, older, because } of offers) {
        const found = await this.#compare(choice, this.#options.overwrite && !older);
        if ('outcome' in found) {
          const why = first ?? because;
          // It replaces nothing, whatever may be overwritten: what keeps the newest one away is what matters.
          if (older && found.outcome.state === 'failed' && why !== undefined) return { outcome: failed(why), choice };
          return { ...found, choice, older: older ? olderThan(choice, why) : undefined };
        }
        try {
          const done = await this.#copy(choice, found.occupied);
          return { ...done, choice, older: older ? olderThan(choice, first ?? because) : undefined };
        } catch (error) {
          first ??= this.#failure(error);
        }
      }
      return { outcome: failed(first ?? this.#nowhere()) };
    } catch (error) {
      return { outcome: failed(first ?? this.#failure(error)) };
    }
  }

  /** What the catalog says, then what the copies say, then what they agree upon. */
  async *#newestFirst(): AsyncGenerator<Offer, void, undefined> {
    const { key, row, standing: copies } = this.#sighting;
    const known = knownChoice(this.#sighting);
    const heard = isOutdated(this.#sighting) ? await this.#ask() : undefined;
    if (known !== undefined) yield* knownOffers(known, saidChoices(key, heard ?? []));
    if (copies.length === 0) return;
    const asked = heard ?? (await this.#ask());
    const said = saidChoices(key, asked);
    const wanted = wantedOf(row, said);
    for (const choice of said) {
      // A copy that was replaced since it was listed (a daemon beside this repairs) is worth another look.
      const tried =
        choice.sha256 === known?.sha256 && choice.candidates.every((from) => isAmong(known.candidates, from));
      if (!tried) yield { choice, older: wanted !== undefined && isOlder(choice, wanted) };
    }
    if (known !== undefined || said.length > 0 || asked.length === 0) return;
    yield { choice: await agreedChoice(key, asked, this.#options.onBytes, this.#signal), older: false };
  }

  /** @throws ProviderError when nothing tells which version anything is. */
  async #asItWas(at: number): Promise<readonly Offer[]> {
    const { key, standing: copies } = this.#sighting;
    const known = knownChoice(this.#sighting);
    const said = saidChoices(key, await this.#ask());
    const versions = [...(known === undefined ? [] : [known]), ...said].map(standing);
    versions.push(...(await keptOf(key, this.#options.kept, this.#signal)));
    if (versions.length === 0 && copies.length > 0) throw withoutTime(key, copies);
    return offersAt(versions, at);
  }

  /** What each copy says of itself; of those that are there and answer. */
  async #ask(): Promise<readonly Asked[]> {
    const answers = await Promise.all(
      this.#sighting.standing.map(async ({ site, info }): Promise<Asked | undefined> => {
        try {
          const head = await headIfThere(site.provider, this.#sighting.key, this.#signal);
          return head === undefined ? undefined : { site, info, head };
        } catch (error) {
          this.#options.onUnreached(site.name, this.#failure(error, site.name));
          return undefined;
        }
      }),
    );
    return answers.filter((answer) => answer !== undefined);
  }

  /** A copy that is in place, or in the way, ends the work on this object; else `occupied` is what may be replaced. */
  async #compare(choice: Choice, overwrite: boolean): Promise<End | { readonly occupied: string | null }> {
    const { to } = this.#options;
    const { key, there } = this.#sighting;
    if (to === undefined || there === undefined) return { occupied: null };
    const standing = await this.#proveThere(to.site.provider, choice);
    if (standing.state === 'missing') return { occupied: null };
    const { version } = standing;
    if (standing.state === 'wrong')
      return overwrite ? { occupied: version } : { outcome: failed(inTheWay(to.site.name, key, standing.why)) };
    const otherAttributes = hasOtherAttributes(standing.head, choice);
    if (otherAttributes && overwrite) return { occupied: version };
    return { outcome: { state: 'in-place', otherAttributes }, version };
  }

  async #proveThere(provider: RestoreTo['site']['provider'], { size, sha256, checksums }: Choice) {
    const { key } = this.#sighting;
    const expected = { size, digest: { ...checksums, sha256 } };
    return await prove(provider, key, expected, { ...this.#options, method: 'attested' }, this.#signal);
  }

  async #copy(choice: Choice, occupied: string | null): Promise<End> {
    const { to, dryRun, onChosen } = this.#options;
    const [first] = choice.candidates;
    if (first === undefined) throw this.#nowhere();
    if (dryRun || to === undefined) {
      onChosen(choice);
      return { outcome: { state: 'restored', from: first.provider.name, bytes: choice.size } };
    }
    const { key } = this.#sighting;
    const { name, provider } = to.site;
    const { sha256, version: sourceVersion, modifiedAt: sourceModifiedAt, attributes } = choice;
    const { read, outcomes } = await copyFromAny(
      {
        ...{ sha256, sourceVersion, sourceModifiedAt, as: key },
        ...(attributes === null ? {} : { attributes }),
        destinations: [{ name, provider, capabilities: to.capabilities, occupied }],
      },
      choice.candidates,
      this.#options,
      this.#signal,
    );
    const stored = outcomes.get(name);
    if (stored === undefined) throw new Error(`nothing became of ${key} at ${name}`);
    if (stored instanceof ProviderError) return { outcome: failed(this.#refused(stored, name)) };
    return {
      outcome: outcomeOf(stored, read?.from.provider.name ?? first.provider.name, choice),
      version: stored.version,
    };
  }

  #refused(error: ProviderError, name: string): ProviderError {
    if (!(error instanceof OccupiedError)) return error;
    return inTheWay(name, this.#sighting.key, 'it was put there meanwhile');
  }

  #failure(error: unknown, provider = this.#places): ProviderError {
    const { key } = this.#sighting;
    return failureOfOne(error, { key, provider }, this.#options.log, this.#signal);
  }

  get #places(): string {
    return this.#sighting.standing.map(({ site }) => site.name).join(', ');
  }

  #nowhere(): ProviderError {
    const { key, row, standing } = this.#sighting;
    const places = this.#places;
    const known =
      row?.sha256 === null ? 'it was never copied: only the source has it' : 'no place that was looked at has a copy';
    const message = standing.length === 0 ? known : `what stands at ${places} is no copy of it`;
    return new ProviderError('not-found', message, { provider: places, key });
  }
}

function downLast(copies: readonly Standing[]): readonly Standing[] {
  const isDown = ({ site }: Standing): boolean => site.health().state === 'down';
  return [...copies.filter((copy) => !isDown(copy)), ...copies.filter(isDown)];
}

function isAmong(candidates: readonly Candidate[], { provider, version }: Candidate): boolean {
  return candidates.some((tried) => tried.provider === provider && tried.version === version);
}

function hasOtherAttributes(head: ObjectHead | undefined, { attributes }: Choice): boolean {
  if (head === undefined || attributes === null) return false;
  return differingAttribute(head.attributes, attributes) !== undefined;
}

function outcomeOf({ written, name }: Stored, from: string, { size }: Choice): Outcome {
  if (!written) return { state: 'in-place', otherAttributes: false };
  return { state: 'restored', from, bytes: size, ...(name === undefined ? {} : { name }) };
}

function inTheWay(name: string, key: string, why: string): ProviderError {
  const message = `something else stands there (${why}); it is left as it is. --overwrite replaces it`;
  return new ProviderError('conflict', message, { provider: name, key });
}

function failed({ provider, code, message }: ProviderError): Outcome {
  return { state: 'failed', problem: { provider, code, message } };
}

function withoutTime(key: string, copies: Sighting['standing']): ProviderError {
  const names = copies.map(({ site }) => site.name);
  const message = `what stands at ${names.join(', ')} carries no record of Holdfast's: nobody knows of when it is`;
  return new ProviderError('invalid', message, { provider: names[0] ?? '', key });
}

function olderThan({ modifiedAt }: Choice, failure: ProviderError | undefined): Omit<RestoreProblem, 'key'> {
  const why = failure === undefined ? 'no place that was looked at has the newest version' : failure.message;
  const message = `an older version is there now, of ${isoTime(modifiedAt)}, because ${why}`;
  return { provider: failure?.provider ?? '', code: 'older', message };
}
