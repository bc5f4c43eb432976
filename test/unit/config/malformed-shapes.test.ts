import { describe, expect, it } from 'vitest';
import type { ConfigError } from '../../../src/config/problems.ts';
import { expectRefused, refusal, right, rightBut } from './fixture.ts';
import type { Refusal } from './fixture.ts';

const s3 = (more: object) => ({ type: 's3', bucket: 'b', ...more });
const policy = { name: 'p', source: 'primary', targets: ['aws'] };

const cases: readonly Refusal[] = [
  [
    'an unknown key at the top',
    rightBut([['polices'], []]),
    'polices',
    'found an unknown key; expected one of catalog, providers, policies, snapshot, http, limits, shutdown (did you mean `policies`?)',
  ],
  [
    'an unknown key of a provider',
    rightBut([['providers', 'aws', 'buckett'], 'x']),
    'providers.aws.buckett',
    '(did you mean `bucket`?)',
  ],
  [
    'a key of another type of provider',
    rightBut([['providers', 'azure', 'forcePathStyle'], true]),
    'providers.azure.forcePathStyle',
    'unknown key',
  ],
  [
    'an unknown key of a policy',
    rightBut([['policies', 0, 'target'], ['aws']]),
    'policies[0].target',
    '(did you mean `targets`?)',
  ],
  [
    'an unknown nested key',
    rightBut([['policies', 0, 'detect'], { evry: '5m' }]),
    'policies[0].detect.evry',
    '(did you mean `every`?)',
  ],
  ['a missing catalog', rightBut([['catalog'], undefined]), 'catalog', 'is missing; expected sqlite:'],
  [
    'missing providers',
    rightBut([['providers'], undefined]),
    'providers',
    'is missing; expected a mapping of names to providers',
  ],
  ['missing policies', rightBut([['policies'], undefined]), 'policies', 'is missing; expected a list of policies'],
  ['a missing bucket', rightBut([['providers', 'aws', 'bucket'], undefined]), 'providers.aws.bucket', 'is missing'],
  [
    'a missing type',
    rightBut([['providers', 'aws', 'type'], undefined]),
    'providers.aws.type',
    'is missing; expected one of filesystem, s3, gcs, azure',
  ],
  [
    'an unknown type',
    rightBut([['providers', 'gcp', 'type'], 'gsc']),
    'providers.gcp.type',
    'found "gsc"; expected one of filesystem, s3, gcs, azure (did you mean `gcs`?)',
  ],
  [
    'providers as a list',
    rightBut([['providers'], []]),
    'providers',
    'found a list; expected a mapping of names to providers',
  ],
  ['no providers', rightBut([['providers'], {}]), 'providers', 'expected at least one provider'],
  ['providers null', rightBut([['providers'], null]), 'providers', 'found nothing (null)'],
  [
    'a provider null',
    rightBut([['providers', 'gcp'], null]),
    'providers.gcp',
    'found nothing (null); expected a mapping',
  ],
  [
    'a provider as a text',
    rightBut([['providers', 'gcp'], 'AccountKey=s3cr3t']),
    'providers.gcp',
    'found a text; expected a mapping',
  ],
  ['a bad provider name', rightBut([['providers', 'a b'], s3({})]), 'providers["a b"]', 'found "a b" as a name'],
  ['an empty provider name', rightBut([['providers', ''], s3({})]), 'providers[""]', 'found "" as a name'],
  [
    'policies as a mapping',
    rightBut([['policies'], policy]),
    'policies',
    'found a mapping; expected a list of policies',
  ],
  ['no policies', rightBut([['policies'], []]), 'policies', 'expected at least one policy'],
  ['a policy as a text', rightBut([['policies', 0], 'user-data']), 'policies[0]', 'found a text; expected a mapping'],
  ['a list instead of http', rightBut([['http'], []]), 'http', 'found a list; expected a mapping'],
  ['null instead of limits', rightBut([['limits'], null]), 'limits', 'found nothing (null); expected a mapping'],
  ['null instead of detect', rightBut([['policies', 0, 'detect'], null]), 'policies[0].detect', 'found nothing (null)'],
];

describe('wrong shapes are refused at their place', () => {
  it.each(cases)('%s', (_, yaml, path, says) => expectRefused(yaml, path, says));
});

describe('the message', () => {
  it('names every problem at once, contradictions too, in the order of the file', () => {
    const yaml = rightBut(
      [['providers', 'gcp', 'bukket'], 'x'],
      [['policies', 0, 'minCopies'], 4],
      [['policies', 0, 'detect'], { every: '5 minutes' }],
      [
        ['policies', 0, 'targets'],
        ['aws', 'nowhere'],
      ],
      [['http', 'listen'], 'x'],
    );
    const { problems } = refusal(yaml) as ConfigError;
    expect(problems.map(({ path }) => path)).toEqual([
      'providers.gcp.bukket',
      'policies[0].targets[1]',
      'policies[0].minCopies',
      'policies[0].detect.every',
      'http.listen',
    ]);
  });

  it('says line and column', () => {
    const error = refusal(right.replace('minCopies: 2', 'minCopies: two')) as ConfigError;
    expect(error.problems).toEqual([
      {
        path: 'policies[0].minCopies',
        position: { line: 15, column: 5 },
        message: 'found "two"; expected a whole number from 1 to 1000',
      },
    ]);
  });
});
