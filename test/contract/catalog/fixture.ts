import type { Catalog } from '../../../src/catalog/catalog.ts';
import type { Claim, ClaimRequest, CopyOutcome, Settlement } from '../../../src/catalog/claims.ts';
import type { Finding } from '../../../src/catalog/findings.ts';
import type { PolicyRow } from '../../../src/catalog/policies.ts';
import type { CopyRow, ObjectRow, ObjectVersion } from '../../../src/catalog/rows.ts';
import type { Clock } from '../../../src/objects/clock.ts';
import type { Evidence } from '../../../src/objects/evidence.ts';
import type { Key } from '../../../src/objects/key.ts';
import { ManualClock } from './manual-clock.ts';

/** One catalog's storage. */
export interface CatalogStore extends AsyncDisposable {
  /** Each call is another process: it shares nothing with the others but what is stored. */
  open(clock: Clock): Promise<Catalog>;
}

export type CreateStore = () => Promise<CatalogStore>;

export const policy = 'photos';
export const targets: readonly string[] = ['aws', 'gcp', 'disk'];
export const policyRow: PolicyRow = { name: policy, source: 'primary', targets, minCopies: 2 };

export const sha256 = 'a1'.repeat(32);
export const otherSha256 = 'b2'.repeat(32);
export const attributes = { contentType: 'image/jpeg', metadata: { owner: 'ana', __proto__x: 'ü' } };
export const learnt = { sha256, checksums: { sha256, crc32c: '0a0b0c0d' }, attributes };

/** A catalog with one policy, on a clock of its own. Every call of `tick` is a millisecond later. */
export class Bench implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly catalog: Catalog;
  readonly #store: CatalogStore;
  readonly #others: Catalog[] = [];

  private constructor(store: CatalogStore, catalog: Catalog, clock: ManualClock) {
    this.#store = store;
    this.catalog = catalog;
    this.clock = clock;
  }

  static async create(create: CreateStore, policies: readonly PolicyRow[] = [policyRow]): Promise<Bench> {
    const clock = new ManualClock();
    const store = await create();
    const bench = new Bench(store, await store.open(clock), clock);
    await bench.catalog.syncPolicies(policies, { forget: true });
    return bench;
  }

  /** The same catalog as another process sees it. */
  async another(): Promise<Catalog> {
    const other = await this.#store.open(this.clock);
    this.#others.push(other);
    return other;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const catalog of [this.catalog, ...this.#others]) await catalog[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
  }

  tick(): number {
    return this.clock.advance(1);
  }

  /** Applies findings as a listing asked for just now would. @returns how many were applied. */
  async record(...findings: readonly Finding[]): Promise<number> {
    const { applied } = await this.catalog.record(policy, findings);
    return applied;
  }

  async add(key: Key, found: Readonly<Record<string, string>> = {}, object = version('v1')): Promise<ObjectRow> {
    await this.record({ kind: 'new', key, object, found });
    return await this.object(key);
  }

  /** An object whose copies are all verified. */
  async addVerified(key: Key): Promise<ObjectRow> {
    await this.add(key);
    const claim = await this.claimOne();
    await this.catalog.settle([settlement(claim, { learnt, copies: targets.map((target) => verified(target)) })]);
    this.tick();
    return await this.object(key);
  }

  async object(key: Key): Promise<ObjectRow> {
    const found = await this.catalog.inspect(policy, key);
    if (found === undefined) throw new Error(`no object ${JSON.stringify(key)}`);
    return found.object;
  }

  async copy(key: Key, target = 'aws'): Promise<CopyRow> {
    return copyOf(await this.object(key), target);
  }

  /** The events of an object's history, oldest first, as `event` or `target event`. */
  async events(key: Key): Promise<readonly string[]> {
    const found = await this.catalog.inspect(policy, key);
    return (found?.history ?? []).map(({ target, event }) => (target === null ? event : `${target} ${event}`));
  }

  async claim(request: Partial<ClaimRequest> = {}): Promise<readonly Claim[]> {
    return await this.catalog.claim({ ...claimRequest, ...request });
  }

  async claimOne(request: Partial<ClaimRequest> = {}): Promise<Claim> {
    const [claim] = await this.claim({ limit: 1, ...request });
    if (claim === undefined) throw new Error('nothing to claim');
    return claim;
  }
}

export const claimRequest: ClaimRequest = { owner: 'me', policies: [policy], targets, limit: 100, leaseMs: 60_000 };

export function version(name: string, size = 10): ObjectVersion {
  return { version: name, size, modifiedAt: 1_600_000_000_000.5 };
}

export function copyOf(object: ObjectRow, target: string): CopyRow {
  const copy = object.copies.find((candidate) => candidate.target === target);
  if (copy === undefined) throw new Error(`no copy at ${target}`);
  return copy;
}

export function evidence(digest = sha256): Evidence {
  return { method: 'attested', sha256: digest, by: 'crc32c of every part', at: 1_650_000_000_000 };
}

export function verified(target: string, name = 'c1', proof = evidence()): Extract<CopyOutcome, { state: 'verified' }> {
  return { target, state: 'verified', version: name, evidence: proof, event: 'copied' };
}

export const unavailable = { code: 'unavailable', message: 'timed out' } as const;

export function settlement(claim: Claim, rest: Partial<Settlement> = {}): Settlement {
  const { objectId, token, object } = claim;
  return { objectId, token, version: object.version, copies: [], last: true, ...rest };
}
