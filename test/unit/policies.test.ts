import { describe, expect, test } from 'vitest';
import { globFilter } from '../../src/policies.ts';

describe('globs treat keys as opaque', () => {
  test.each([
    'users/a\nb',
    'users/a\r\nb/c',
    'users/\u2028x',
    'users/./b',
    'users/../b',
    'users/a/..',
    'users/.',
    'users//x',
    'users/.hidden',
    'users/x/',
    'users/a\\b',
    'users/\udc80',
  ])('%j is included by ** below its prefix, and excluded by it', (key) => {
    expect(globFilter(['users/**'], undefined)(key)).toBe(true);
    expect(globFilter(['**'], undefined)(key)).toBe(true);
    expect(globFilter(undefined, ['users/**'])(key)).toBe(false);
    expect(globFilter(['photos/**'], undefined)(key)).toBe(false);
  });

  test.each([
    ['../x', '../*', true],
    ['../x', '**', true],
    ['../x', '*', false],
    ['./x.jpg', '**/*.jpg', true],
    ['a/../x.jpg', 'a/*/*.jpg', true],
    ['a/../x.jpg', 'a/../*.jpg', true],
    ['a/../x.jpg', 'b/**', false],
    ['a/..', 'a/?', false],
    ['a/..', 'a/??', true],
    ['..', '**', true],
    ['a/...b', 'a/*', true],
  ])('%j and %j: %s', (key, glob, included) => {
    expect(globFilter([glob], undefined)(key)).toBe(included);
  });
});
