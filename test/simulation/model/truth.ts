import type { Key } from '../../../src/objects/key.ts';
import type { Effect, Stored } from '../world/store.ts';

/** Bytes that the source showed under a key. */
interface Shown {
  /** Since when first, in milliseconds that have passed. */
  readonly from: number;
  /** Until when last; Infinity while it does. */
  until: number;
  /** Whether somebody wrote them; else they are what decay made. */
  written: boolean;
}

/** What the source showed, and when: the one thing that decides what a copy must be. */
export class Truth {
  readonly #shown = new Map<Key, Map<string, Shown>>();
  readonly #versions = new Map<string, Set<string>>();
  readonly #absentSince = new Map<Key, { readonly from: number; until: number }[]>();
  #objects = 0;
  /** Since when the source holds nothing at all. */
  emptySince: number | undefined = 0;

  /** Something became of a key at the source. */
  take({ key, before, after }: Effect, at: number): void {
    if (before !== undefined) this.#of(key, before, at).until = at;
    if (before === undefined && after !== undefined) this.#objects += 1;
    if (before !== undefined && after === undefined) this.#objects -= 1;
    this.emptySince = this.#objects > 0 ? undefined : (this.emptySince ?? at);
    if (after === undefined) return void this.#absences(key).push({ from: at, until: Infinity });
    const absence = this.#absences(key).at(-1);
    if (absence?.until === Infinity) absence.until = at;
    const shown = this.#of(key, after, at);
    shown.until = Infinity;
    shown.written ||= after.meant === after.sha256;
    const name = `${after.version} ${key}`;
    this.#versions.set(name, (this.#versions.get(name) ?? new Set()).add(after.sha256));
  }

  /** Whether the source ever showed these bytes under the key. */
  everHad(key: Key, sha256: string): boolean {
    return this.#shown.get(key)?.has(sha256) === true;
  }

  /** Whether somebody wrote these bytes there: they are worth keeping. */
  isWritten(key: Key, sha256: string): boolean {
    return this.#shown.get(key)?.get(sha256)?.written === true;
  }

  /** Whether the source had done with the one before it ever showed the other. */
  isOlder(key: Key, sha256: string, than: string): boolean {
    const ofKey = this.#shown.get(key);
    const [one, other] = [ofKey?.get(sha256), ofKey?.get(than)];
    return one !== undefined && other !== undefined && one.until <= other.from;
  }

  /** Whether the source's version ever had these bytes. */
  versionHad(key: Key, version: string, sha256: string): boolean {
    return this.#versions.get(`${version} ${key}`)?.has(sha256) === true;
  }

  isVersion(key: Key, version: string): boolean {
    return this.#versions.has(`${version} ${key}`);
  }

  /** Whether the source lacked the key at some moment between these. */
  lacked(key: Key, from: number, to: number): boolean {
    return this.#absences(key).some((absence) => absence.from <= to && absence.until >= from);
  }

  #of(key: Key, { sha256 }: Stored, at: number): Shown {
    const ofKey = this.#shown.get(key) ?? new Map<string, Shown>();
    const shown = ofKey.get(sha256) ?? { from: at, until: at, written: false };
    this.#shown.set(key, ofKey.set(sha256, shown));
    return shown;
  }

  #absences(key: Key): { readonly from: number; until: number }[] {
    const known = this.#absentSince.get(key);
    if (known !== undefined) return known;
    const absences = [{ from: -Infinity, until: Infinity }];
    this.#absentSince.set(key, absences);
    return absences;
  }
}
