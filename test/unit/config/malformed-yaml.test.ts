import { describe, it } from 'vitest';
import { expectRefused, right } from './fixture.ts';
import type { Refusal } from './fixture.ts';

const cases: readonly Refusal[] = [
  [
    'a key twice',
    right.replace('    bucket:', '    bucket: first\n    bucket:'),
    'providers.aws.bucket',
    'found the same key twice',
  ],
  ['a section twice', `${right}catalog: sqlite:other.db`, 'catalog', 'found the same key twice'],
  ['a merge key', right.replace('  gcp: {', '  gcp: { <<: {},'), 'providers.gcp', 'found a merge key'],
  [
    'a key that is a list',
    right.replace('  gcp:', '  ? [a, b]\n  : {}\n  gcp:'),
    'providers',
    'found a key that is not a plain text',
  ],
  [
    'an alias of nothing',
    right.replace('minCopies: 2', 'minCopies: *nothing'),
    'policies[0].minCopies',
    'an anchor that is not defined before it',
  ],
  [
    'an alias of itself',
    right.replace('  gcp: {', '  gcp: &gcp { prefix: *gcp,'),
    'providers.gcp.prefix',
    'a value that contains it',
  ],
  ['the prototype as a key', `${right}__proto__: { limits: {} }`, '__proto__', 'found an unknown key'],
  [
    'the prototype as a provider',
    right.replace('  gcp:', '  __proto__: { type: s3 }\n  gcp:'),
    'providers.__proto__',
    'found an unknown key',
  ],
];

describe('YAML that says nothing clear is refused at its place', () => {
  it.each(cases)('%s', (_, yaml, path, says) => expectRefused(yaml, path, says));
});
