import { expect, test } from 'vitest';
import { concernsOf, failuresOf, type Circumstances } from '../../../src/providers/concerns.ts';
import type { Answer, Question, Verdict } from '../../../src/providers/examination.ts';
import { theftOf } from '../../../src/providers/theft.ts';

type Found = Readonly<Partial<Record<Question, Verdict>>>;

function answers(found: Found): Answer[] {
  return Object.entries(found).map(([question, answer]) => ({ question: question as Question, answer }));
}

const target: Circumstances = { type: 's3', roles: ['target'], deletes: false };

function concerned(found: Found, circumstances: Partial<Circumstances> = {}): Question[] {
  return concernsOf(answers(found), { ...target, ...circumstances }).map(({ question }) => question);
}

test('rights beyond the work are concerns, each with a reason and what to do', () => {
  const found: Found = {
    ...{ 'delete-versions': 'allowed', 'shorten-retention': 'allowed', 'change-settings': 'allowed' },
    ...{ 'write-outside': 'allowed', 'list-outside': 'allowed', 'list-buckets': 'allowed' },
  };
  const concerns = concernsOf(answers(found), target);
  expect(concerns.map(({ question }) => question)).toEqual(Object.keys(found));
  for (const { concern, why, advice } of concerns) {
    for (const text of [concern, why, advice]) expect(text.length).toBeGreaterThan(10);
  }
  const denied = Object.fromEntries(Object.keys(found).map((question) => [question, 'denied']));
  expect(concerned(denied)).toEqual([]);
});

test.each([
  ['a target that deletes', { 'delete-objects': 'allowed' }, { deletes: true }, []],
  ['a target that does not', { 'delete-objects': 'allowed' }, {}, ['delete-objects']],
  ['a target with versions', { 'delete-objects': 'allowed', versioning: 'on' }, {}, []],
  ['what the policy document allows', { delete: 'allowed', 'delete-objects': 'denied' }, {}, []],
  ['a target whose own prefix fills up', { delete: 'denied', 'delete-objects': 'denied' }, {}, ['delete']],
  ['a source that cannot be written', { delete: 'denied' }, { roles: ['source'] }, []],
  ['a source that may be written', { write: 'allowed' }, { roles: ['source'] }, ['write']],
  ['a provider that is both', { write: 'allowed' }, { roles: ['source', 'target'] }, []],
  [
    'a directory that is a source',
    { 'write-root': 'allowed' },
    { type: 'filesystem', roles: ['source'] },
    ['write-root'],
  ],
  ['a bucket without versions', { versioning: 'off' }, {}, ['versioning']],
  ['a source without versions', { versioning: 'off' }, { roles: ['source'] }, []],
  ['versions instead of soft delete', { versioning: 'on', 'soft-delete': 'off' }, { type: 'gcs' }, []],
  ['neither of them', { versioning: 'off', 'soft-delete': 'off' }, { type: 'gcs' }, ['soft-delete']],
  ['deletes that take what is there', { 'conditional-delete': 'ignored' }, { deletes: true }, ['conditional-delete']],
] as const)('%s', (_, found, circumstances, expected) => {
  expect(concerned(found, circumstances)).toEqual(expected);
});

test.each([
  ['target', { list: 'allowed', read: 'allowed', write: 'denied', upload: 'denied' }, ['write', 'upload']],
  ['target', { list: 'allowed', read: 'no', write: 'allowed', upload: 'allowed' }, ['read']],
  ['target', { write: 'allowed', overwrite: 'denied', delete: 'denied', versioning: 'off' }, []],
  ['source', { list: 'allowed', read: 'not-tried', write: 'not-tried' }, []],
  ['source', { list: 'denied', read: 'not-tried' }, ['list']],
  ['source', { list: 'allowed', read: 'not-told' }, ['read']],
] as const)('a %s that found %j cannot %j', (role, found, expected) => {
  expect(failuresOf(answers(found), role).map(({ question }) => question)).toEqual(expected);
});

const powerful: Found = { write: 'allowed', overwrite: 'allowed', delete: 'allowed', 'delete-objects': 'allowed' };

test.each([
  [powerful, 'yes'],
  [{ ...powerful, versioning: 'off', retention: 'off', 'soft-delete': 'off' }, 'yes'],
  [{ ...powerful, retention: 'not-told' }, 'not-told'],
  [{ overwrite: 'denied', delete: 'allowed', 'delete-objects': 'denied', write: 'allowed' }, 'no'],
  [{ overwrite: 'denied', delete: 'denied', 'delete-objects': 'allowed', write: 'allowed' }, 'yes'],
  [{ ...powerful, retention: 'on', 'shorten-retention': 'denied' }, 'no'],
  [{ ...powerful, retention: 'on', 'shorten-retention': 'allowed' }, 'yes'],
  [{ ...powerful, retention: 'on', 'shorten-retention': 'not-told' }, 'not-told'],
  [{ ...powerful, 'soft-delete': 'on', 'change-settings': 'denied' }, 'no'],
  [{ ...powerful, 'soft-delete': 'on', 'change-settings': 'allowed' }, 'yes'],
  [{ ...powerful, versioning: 'on', 'delete-versions': 'allowed' }, 'yes'],
  [{ ...powerful, versioning: 'on', 'delete-versions': 'denied', 'change-settings': 'denied' }, 'no'],
  // A rule that expires versions does the thief's work.
  [{ ...powerful, versioning: 'on', 'delete-versions': 'denied', 'change-settings': 'allowed' }, 'yes'],
  [{ ...powerful, versioning: 'on', 'delete-versions': 'denied', 'change-settings': 'not-tried' }, 'not-told'],
  // What nobody told of soft delete matters not to who may switch it off.
  [{ ...powerful, retention: 'off', 'soft-delete': 'not-told', 'change-settings': 'allowed' }, 'yes'],
  [{ ...powerful, retention: 'not-told', 'change-settings': 'allowed' }, 'not-told'],
  [{}, 'not-told'],
] as const)('whether a thief could destroy the copies, given %j: %s', (found, expected) => {
  const { canDestroyCopies, because } = theftOf(answers(found));
  expect(canDestroyCopies).toBe(expected);
  expect(because).not.toBe('');
});
