import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import type { Claim, CopyOutcome } from '../../../src/catalog/claims.ts';
import type { Finding } from '../../../src/catalog/findings.ts';
import type { ObjectOutline, ObjectRow } from '../../../src/catalog/rows.ts';
import { mayMove } from '../../../src/catalog/states.ts';
import { printedSeed } from '../../support/seed.ts';
import { expectedCounts } from './expected-counts.ts';
import {
  Bench,
  evidence,
  learnt,
  otherSha256,
  policy,
  policyRow,
  settlement,
  targets,
  unavailable,
  verified,
  version,
} from './fixture.ts';
import type { CreateStore } from './fixture.ts';

/** One thing that a pass, a worker, a person or time does. `n` chooses what it is done to. */
export interface Step {
  readonly act: (typeof acts)[number];
  readonly n: number;
}

const acts = ['new', 'source', 'target', 'claim', 'settle', 'settle', 'decide', 'hold', 'advance', 'makeDue'] as const;
export const anyStep: fc.Arbitrary<Step> = fc.record({ act: fc.constantFrom(...acts), n: fc.nat(10_000) });
const keys = ['a', 'a/1', 'a/2', 'b', 'b/\u{1f600}', 'c'];

export function randomCases(create: CreateStore): void {
  test('after any history: only moves of the table, evidence for every verified copy, right counts', async () => {
    const histories = fc.asyncProperty(fc.array(anyStep, { minLength: 20, maxLength: 60 }), async (steps) => {
      await using bench = await Bench.create(create);
      const history = new History(bench);
      for (const step of steps) {
        await history.take(step);
        await history.check();
      }
    });
    await fc.assert(histories, { seed: printedSeed('catalog histories'), numRuns: 8 });
  });
}

/** What happens to one catalog. */
export class History {
  readonly #bench: Bench;
  readonly #claims: Claim[] = [];
  /** The rows before the step that is under way, or the last one. */
  #before: readonly ObjectRow[] = [];

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async take({ act, n }: Step): Promise<void> {
    this.#bench.tick();
    this.#before = await this.#objects();
    const { catalog, clock } = this.#bench;
    if (act === 'new') await this.#bench.add(pick(keys, n), n % 3 === 0 ? { gcp: `f${n}` } : {});
    else if (act === 'source') await this.#record(n, (id) => sourceFinding(id, n, clock.now() - (n % 3)));
    else if (act === 'target') await this.#record(n, (id) => targetFinding(id, n, clock.now() - (n % 3)));
    else if (act === 'claim') await this.#claim(n);
    else if (act === 'settle') await this.#settle(n);
    else if (act === 'decide') await catalog.decideObserved(policy, n % 3 === 0 ? 'drop' : 'apply', below(n));
    else if (act === 'hold') await this.#decideHold(n);
    else if (act === 'advance') clock.advance(n % 200);
    else await catalog.makeDue(policy, below(n));
  }

  async #decideHold(n: number): Promise<void> {
    const { catalog } = this.#bench;
    const hold = { since: 1, reasons: ['many'], overwritten: 1, vanished: 1, known: 2, sample: [] };
    await catalog.updatePolicy(policy, { hold: n % 5 === 0 ? null : hold });
    await catalog.decideHold(policy, n % 2 === 0 ? 'released' : 'rejected', { by: 'me' });
  }

  async #record(n: number, finding: (id: number) => Finding): Promise<void> {
    if (this.#before.length > 0) await this.#bench.record(finding(pick(this.#before, n).id));
  }

  async #claim(n: number): Promise<void> {
    const live = new Map(this.#claims.map((claim) => [claim.objectId, claim]));
    for (const claim of await this.#bench.claim({ ...below(n), limit: (n % 4) + 1, leaseMs: 100 })) {
      expectGreater(claim.token, live.get(claim.objectId)?.token ?? 0);
      this.#claims.push(claim);
    }
  }

  /** Settles some claim made so far, also one whose lease was lost long ago. */
  async #settle(n: number): Promise<void> {
    if (this.#claims.length === 0) return;
    const claim = pick(this.#claims, n);
    const object = this.#before.find(({ id }) => id === claim.objectId);
    if (object === undefined) return expectEqual(await this.#bench.catalog.settle([settlement(claim)]), [false]);
    const known = object.sha256 ?? learnt.sha256;
    const read = n % 17 === 0 ? { ...learnt, sha256: otherSha256 } : { ...learnt, sha256: known };
    const copies = claim.targets.map((target, index) => outcome(target, n + index, known, this.#bench.clock.now()));
    const observed = n % 11 === 0 ? ({ kind: 'overwritten', ...version(`w${n}`) } as const) : undefined;
    const rest = { learnt: read, copies, last: n % 5 !== 0, ...(observed === undefined ? {} : { observed }) };
    const isNewest = !this.#claims.some((other) => other.objectId === claim.objectId && other.token > claim.token);
    const moves = copies.every((copy) => isAllowed(object, copy));
    const settled = this.#bench.catalog.settle([settlement(claim, rest)]);
    if (moves || !isNewest || object.version !== claim.object.version) {
      const [applied] = await settled;
      if (!isNewest) expectEqual([applied, await this.#bench.object(object.key)], [false, object]);
    } else await settled.catch(() => undefined);
  }

  async check(): Promise<void> {
    const objects = await this.#objects();
    for (const object of objects) checkObject(object, this.#before);
    await checkOutlines(this.#bench.catalog, objects);
    for (const prefix of ['', 'a', 'b/']) await checkCounts(this.#bench.catalog, objects, prefix);
  }

  async #objects(): Promise<readonly ObjectRow[]> {
    return (await Array.fromAsync(this.#bench.catalog.scan(policy, {}))).flat();
  }
}

function expectGreater(value: number, than: number): void {
  expect(value).toBeGreaterThan(than);
}

function expectEqual(value: unknown, to: unknown): void {
  expect(value).toEqual(to);
}

async function checkOutlines(catalog: Catalog, objects: readonly ObjectRow[]): Promise<void> {
  const outlines = (await Array.fromAsync(catalog.outline(policy, {}))).flat();
  expect(outlines).toMatchObject(objects.map(outlineOf));
}

function outlineOf({ attributes: _, past: __, doubted: ___, copies, ...rest }: ObjectRow): ObjectOutline {
  return { ...rest, copies: copies.map(({ target, state, version }) => ({ target, state, version })) };
}

async function checkCounts(catalog: Catalog, objects: readonly ObjectRow[], prefix: string): Promise<void> {
  const below = objects.filter((object) => object.key.startsWith(prefix));
  expect(await catalog.counts(policy, { prefix })).toMatchObject(expectedCounts(below, policyRow));
  const problems = await catalog.problems(policy, { prefix, limit: 1000 });
  expect(problems).toHaveLength(below.flatMap((object) => object.copies.filter(isUnverified)).length);
}

function checkObject(object: ObjectRow, before: readonly ObjectRow[]): void {
  expect(object.copies).toHaveLength(targets.length);
  const old = before.find((candidate) => candidate.id === object.id);
  expect(object.updatedAt).toBeGreaterThanOrEqual(old?.updatedAt ?? 0);
  for (const copy of object.copies) {
    const was = old?.copies.find((candidate) => candidate.target === copy.target);
    if (was !== undefined) expect([was.state, copy.state, mayMove(was.state, copy.state)]).toContain(true);
    expect(copy.dueAt === null).toBe(copy.state === 'verified');
    if (copy.state !== 'verified') continue;
    expect(copy.evidence?.sha256).toBe(object.sha256);
    expect(copy).toMatchObject({ version: expect.any(String) as string, attempts: 0, error: null });
  }
}

function isUnverified({ state }: { readonly state: string }): boolean {
  return state !== 'verified';
}

function isAllowed(object: ObjectRow, outcome: CopyOutcome): boolean {
  const state = object.copies.find((copy) => copy.target === outcome.target)?.state ?? 'pending';
  if (outcome.state === 'released') return true;
  if (outcome.state === 'retry') return state !== 'verified';
  return mayMove(state, outcome.state) && mayMove(state, 'damaged');
}

function sourceFinding(id: number, n: number, asOf: number): Finding {
  if (n % 4 === 0) return { kind: 'vanished', id, asOf };
  if (n % 4 === 1) return { kind: 'present', id, asOf };
  return { kind: 'overwritten', id, object: version(`v${n % 7}`, n), asOf };
}

function targetFinding(id: number, n: number, asOf: number): Finding {
  const target = pick(targets, n);
  const kind = pick(['missing', 'foreign', 'found', 'recheck'] as const, n >> 2);
  if (kind === 'missing') return { kind, id, target, asOf };
  return kind === 'recheck' ? { kind, id, target } : { kind, id, target, version: `t${n % 5}`, asOf };
}

function outcome(target: string, n: number, sha256: string, now: number): CopyOutcome {
  const dueAt = now + (n % 50);
  if (n % 6 === 0) return { target, state: 'retry', dueAt, error: unavailable };
  if (n % 6 === 1) return { target, state: 'damaged', version: n % 2 ? `d${n % 5}` : null, dueAt, error: unavailable };
  if (n % 6 === 2) return { target, state: 'failed', dueAt, error: unavailable };
  if (n % 6 === 3) return { target, state: 'released' };
  return verified(target, `c${n % 5}`, evidence(sha256));
}

function below(n: number): { readonly prefix?: string } {
  return n % 2 === 0 ? {} : { prefix: pick(['a', 'a/', 'b'], n) };
}

function pick<T>(items: readonly T[], n: number): T {
  const item = items[n % items.length];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
