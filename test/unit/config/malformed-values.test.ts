import { describe, it } from 'vitest';
import { expectRefused, right, rightBut } from './fixture.ts';
import type { Refusal } from './fixture.ts';

const cases: readonly Refusal[] = [
  ['no targets', rightBut([['policies', 0, 'targets'], []]), 'policies[0].targets', 'expected at least one provider'],
  [
    'targets as a text',
    rightBut([['policies', 0, 'targets'], 'aws']),
    'policies[0].targets',
    'expected a list of providers',
  ],
  [
    'a target as a number',
    rightBut([['policies', 0, 'targets', 1], 7]),
    'policies[0].targets[1]',
    'found 7; expected the name of a provider',
  ],
  ['an empty target', rightBut([['policies', 0, 'targets', 1], '']), 'policies[0].targets[1]', 'found ""'],
  [
    'minCopies 0',
    rightBut([['policies', 0, 'minCopies'], 0]),
    'policies[0].minCopies',
    'found 0; expected a whole number from 1',
  ],
  ['minCopies below 0', rightBut([['policies', 0, 'minCopies'], -1]), 'policies[0].minCopies', 'found -1'],
  [
    'minCopies as a text',
    rightBut([['policies', 0, 'minCopies'], '2']),
    'policies[0].minCopies',
    'found "2"; expected a whole number',
  ],
  ['minCopies as a list', rightBut([['policies', 0, 'minCopies'], [2]]), 'policies[0].minCopies', 'found a list'],
  ['minCopies null', rightBut([['policies', 0, 'minCopies'], null]), 'policies[0].minCopies', 'found nothing (null)'],
  ['an empty policy name', rightBut([['policies', 0, 'name'], '']), 'policies[0].name', 'found ""; expected a name'],
  ['a policy name with a slash', rightBut([['policies', 0, 'name'], 'a/b']), 'policies[0].name', 'found "a/b"'],
  [
    'a duration in words',
    rightBut([['policies', 0, 'detect'], { every: '5 minutes' }]),
    'policies[0].detect.every',
    'found "5 minutes"; expected a duration such as 30s, 5m or 6h',
  ],
  [
    'a duration without unit',
    rightBut([['policies', 0, 'detect'], { every: 5 }]),
    'policies[0].detect.every',
    'found 5; expected a duration',
  ],
  [
    'a negative duration',
    rightBut([['policies', 0, 'detect'], { every: '-5m' }]),
    'policies[0].detect.every',
    'found "-5m"',
  ],
  [
    'no duration at all',
    rightBut([['policies', 0, 'detect'], { every: '0s' }]),
    'policies[0].detect.every',
    'from 100ms to 24d',
  ],
  [
    'a duration longer than a timer',
    rightBut([['policies', 0, 'detect'], { full: '30d' }]),
    'policies[0].detect.full',
    'from 100ms to 24d',
  ],
  [
    'a percentage without sign',
    rightBut([['policies', 0, 'guard'], { maxChanged: 10 }]),
    'policies[0].guard.maxChanged',
    'found 10; expected a percentage such as 10%',
  ],
  [
    'more than everything',
    rightBut([['policies', 0, 'guard'], { maxChanged: '101%' }]),
    'policies[0].guard.maxChanged',
    'from 0% to 100%',
  ],
  [
    'a negative count',
    rightBut([['policies', 0, 'guard'], { minObjects: -5 }]),
    'policies[0].guard.minObjects',
    'found -5',
  ],
  [
    'an unknown onCopy',
    rightBut([['policies', 0, 'verify'], { onCopy: 'atested' }]),
    'policies[0].verify.onCopy',
    '(did you mean `attested`?)',
  ],
  [
    'an unknown delete mode',
    rightBut([['policies', 0, 'deletes'], { mode: 'mirror' }]),
    'policies[0].deletes.mode',
    'expected one of retain, propagate',
  ],
  [
    'propagate without after',
    rightBut([['policies', 0, 'deletes'], { mode: 'propagate' }]),
    'policies[0].deletes.after',
    'is missing; expected a duration such as 30d',
  ],
  [
    'after without propagate',
    rightBut([['policies', 0, 'deletes'], { after: '30d' }]),
    'policies[0].deletes.after',
    'expected no `after`',
  ],
  ['a history of minutes', rightBut([['policies', 0, 'history'], '5m']), 'policies[0].history', '1h'],
  ['an empty include', rightBut([['policies', 0, 'include'], []]), 'policies[0].include', 'at least one glob'],
  [
    'an empty glob',
    rightBut([['policies', 0, 'exclude'], ['']]),
    'policies[0].exclude[0]',
    'found ""; expected a glob',
  ],
  [
    "Holdfast's own prefix",
    rightBut([['policies', 0, 'prefix'], '.holdfast/probe/']),
    'policies[0].prefix',
    'not below .holdfast/',
  ],
  [
    'half an object at once',
    `${right}limits: { concurrency: 1.5 }`,
    'limits.concurrency',
    'found 1.5; expected a whole number from 1 to 1024',
  ],
  ['too many at once', `${right}limits: { concurrency: 1e9 }`, 'limits.concurrency', 'found 1000000000'],
  ['NaN', `${right}limits: { concurrency: .nan }`, 'limits.concurrency', 'found NaN'],
  ['infinity', `${right}limits: { concurrency: .inf }`, 'limits.concurrency', 'found Infinity'],
  ['a size in words', `${right}limits: { memory: lots }`, 'limits.memory', 'found "lots"; expected a size'],
  ['a negative size', `${right}limits: { memory: -1 }`, 'limits.memory', 'found -1; expected a size'],
  ['half a byte', `${right}limits: { memory: 1048576.5 }`, 'limits.memory', 'found 1048576.5'],
  ['a size beyond exact numbers', `${right}limits: { memory: 999999999999TiB }`, 'limits.memory', 'expected a size'],
  ['a huge number', `${right}limits: { memory: 1e400 }`, 'limits.memory', 'found Infinity'],
  [
    'a rate without time',
    `${right}limits: { bandwidth: 100MiB }`,
    'limits.bandwidth',
    'expected a rate such as 100MiB/s',
  ],
  ['no bandwidth', `${right}limits: { bandwidth: 0B/s }`, 'limits.bandwidth', 'from 1KiB/s'],
];

describe('wrong numbers, units and words of a policy and of the limits are refused at their place', () => {
  it.each(cases)('%s', (_, yaml, path, says) => expectRefused(yaml, path, says));
});
