import { describe, expect, test } from 'vitest';
import type { CopyRow, ObjectRow } from '../../../src/catalog/rows.ts';
import { copyStates, type CopyState } from '../../../src/catalog/states.ts';
import type { ObjectInfo } from '../../../src/objects/object.ts';
import { compare } from '../../../src/replication/compare.ts';

const asOf = 100;
const plan = { asOf, deep: false };
const info = (version: string): ObjectInfo => ({ key: 'k', version, size: 3, modifiedAt: 7 });
const object = { version: 'v2', size: 3, modifiedAt: 7 };

function copyOf(state: CopyState, version: string | null): CopyRow {
  return {
    target: 't',
    state,
    version,
    evidence: null,
    recorded: null,
    dueAt: null,
    attempts: 0,
    error: null,
    updatedAt: 1,
  };
}

function rowOf(more: Partial<ObjectRow> = {}): ObjectRow {
  return {
    ...{ id: 9, key: 'k', version: 'v1', size: 3, modifiedAt: 7, state: 'present', sha256: null, checksums: {} },
    ...{ attributes: null, observed: null, rejected: null, damagedVersion: null, past: [], updatedAt: 1, copies: [] },
    ...more,
  };
}

function look(source: ObjectInfo | undefined, row: ObjectRow | undefined, standing?: ObjectInfo | null, deep = false) {
  const targets = new Map(standing === undefined ? [] : [['t', standing ?? undefined] as const]);
  return compare({ key: 'k', source, row, targets }, { ...plan, deep });
}

describe('the source', () => {
  const overwritten = { kind: 'overwritten', id: 9, object, asOf };
  const vanished = { kind: 'vanished', id: 9, asOf };
  const present = { kind: 'present', id: 9, asOf };
  const seen = { kind: 'overwritten', ...object } as const;
  const notBelieved = { kind: 'overwritten', version: 'v2' } as const;
  const third = { ...object, version: 'v3' };

  test.each<[string, string | undefined, Partial<ObjectRow>, object[]]>([
    ['as the row says', 'v1', {}, []],
    ['as the row says, though it was gone', 'v1', { state: 'gone' }, [present]],
    ['as the row says, though it was seen otherwise', 'v1', { observed: seen }, [present]],
    ['another version', 'v2', {}, [overwritten]],
    ['another version, of a gone object', 'v2', { state: 'gone' }, [overwritten]],
    ['another version, known already', 'v2', { observed: seen }, []],
    ['another version than the one noted', 'v2', { observed: { ...seen, version: 'v3' } }, [overwritten]],
    ['another version, noted as vanished', 'v2', { observed: { kind: 'vanished' } }, [overwritten]],
    ['nothing', undefined, {}, [vanished]],
    ['nothing, of a gone object', undefined, { state: 'gone' }, []],
    ['nothing, known already', undefined, { observed: { kind: 'vanished' } }, []],
    ['nothing, noted as overwritten', undefined, { observed: seen }, [vanished]],
    ['nothing again, of a gone object noted as overwritten', undefined, { state: 'gone', observed: seen }, [vanished]],
    ['nothing, which was rejected', undefined, { rejected: { kind: 'vanished' } }, []],
    ['as the row says, though that it vanished was rejected', 'v1', { rejected: { kind: 'vanished' } }, [present]],
    ['another version, where that it vanished was rejected', 'v2', { rejected: { kind: 'vanished' } }, [overwritten]],
    ['another version, which was rejected', 'v2', { rejected: notBelieved }, []],
    ['another version than the rejected one', 'v3', { rejected: notBelieved }, [{ ...overwritten, object: third }]],
    ['as the row says, though another version was rejected', 'v1', { rejected: notBelieved }, [present]],
    ['nothing, where another version was rejected', undefined, { rejected: notBelieved }, [vanished]],
    ['another version, which was rejected, of a gone object', 'v2', { state: 'gone', rejected: notBelieved }, []],
    ['nothing again, of a gone object', undefined, { state: 'gone', rejected: notBelieved }, [vanished]],
  ])('has %s', (_, version, row, findings) => {
    expect(look(version === undefined ? undefined : info(version), rowOf(row))).toEqual(findings);
  });

  test('has something new; what stands at the targets is named', () => {
    expect(look(info('v2'), undefined, info('c1'))).toEqual([{ kind: 'new', key: 'k', object, found: { t: 'c1' } }]);
    expect(look(info('v2'), undefined, null)).toEqual([{ kind: 'new', key: 'k', object, found: {} }]);
    expect(look(undefined, undefined, info('c1'))).toEqual([]);
  });
});

/** What is found of a copy whose row names nothing / `c1`, where nothing / `c1` / `c2` stands at the target. */
const table: Readonly<Record<CopyState, Readonly<Record<string, string | null>>>> = {
  pending: { '- -': null, '- c1': 'found', 'c1 -': 'missing', 'c1 c1': null, 'c1 c2': 'found' },
  unproven: { '- -': 'missing', '- c1': 'found', 'c1 -': 'missing', 'c1 c1': null, 'c1 c2': 'found' },
  verified: { '- -': 'missing', '- c1': 'foreign', 'c1 -': 'missing', 'c1 c1': null, 'c1 c2': 'foreign' },
  damaged: { '- -': null, '- c1': 'foreign', 'c1 -': 'missing', 'c1 c1': null, 'c1 c2': 'foreign' },
  failed: { '- -': null, '- c1': 'found', 'c1 -': 'missing', 'c1 c1': null, 'c1 c2': 'found' },
};

describe.each(copyStates)('a copy that is %s', (state) => {
  test.each(Object.entries(table[state]))('%s: %s', (standing, kind) => {
    const [recorded, there] = standing.split(' ').map((version) => (version === '-' ? null : version));
    for (const source of [info('v1'), info('v2'), undefined]) {
      const row = rowOf({ copies: [copyOf(state, recorded ?? null)], observed: null });
      const findings = look(source, row, typeof there === 'string' ? info(there) : null).filter(
        (finding) => 'target' in finding,
      );
      const version = there === null || kind === 'missing' ? {} : { version: there };
      expect(findings).toEqual(kind === null ? [] : [{ kind, id: 9, target: 't', asOf, ...version }]);
    }
  });

  test('is left alone where its target was not listed', () => {
    expect(look(info('v1'), rowOf({ copies: [copyOf(state, 'c1')] }))).toEqual([]);
  });

  test('is read back by a deep pass only when it is verified and in place', () => {
    const findings = look(info('v1'), rowOf({ copies: [copyOf(state, 'c1')] }), info('c1'), true);
    expect(findings).toEqual(state === 'verified' ? [{ kind: 'recheck', id: 9, target: 't' }] : []);
  });
});
