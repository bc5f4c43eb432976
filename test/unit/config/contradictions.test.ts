import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/problems.ts';
import { load, refusal, right, rightBut } from './fixture.ts';
import type { World } from './fixture.ts';

const second = (more: object) => [
  { name: 'user-data', source: 'primary', targets: ['aws', 'gcp'], prefix: 'users/' },
  { name: 'other', source: 'primary', targets: ['azure'], prefix: 'logs/', ...more },
];

describe('contradictions inside and between policies', () => {
  it.each([
    [
      'a provider that may take more than all together',
      `${rightBut([['providers', 'aws', 'limits'], { bandwidth: '2MiB/s' }])}limits: { bandwidth: 1MiB/s }`,
      'providers.aws.limits.bandwidth',
      'found 2MiB/s; expected at most `limits.bandwidth` (1MiB/s)',
    ],
    [
      'a connection that may take longer than its request',
      rightBut([['providers', 'gcp', 'timeouts'], { connect: '2m' }]),
      'providers.gcp.timeouts.connect',
      'found 2m; expected at most `timeouts.call` (1m)',
    ],
    [
      'a target that is the source',
      rightBut([['policies', 0, 'targets', 1], 'primary']),
      'policies[0].targets[1]',
      'which is the source',
    ],
    ['a target twice', rightBut([['policies', 0, 'targets', 1], 'aws']), 'policies[0].targets[1]', 'a second time'],
    [
      'an unknown target',
      rightBut([['policies', 0, 'targets', 1], 'gpc']),
      'policies[0].targets[1]',
      'found "gpc", which is no provider in this file; expected one of primary, aws, gcp, azure (did you mean `gcp`?)',
    ],
    [
      'a target that every object has',
      rightBut([['policies', 0, 'targets', 1], 'constructor']),
      'policies[0].targets[1]',
      'no provider in this file',
    ],
    [
      'an unknown source',
      rightBut([['policies', 0, 'source'], 'primry']),
      'policies[0].source',
      '(did you mean `primary`?)',
    ],
    [
      'more copies than targets',
      rightBut([['policies', 0, 'minCopies'], 4]),
      'policies[0].minCopies',
      'found 4; expected at most 3',
    ],
    [
      'a name twice',
      rightBut([['policies'], second({ name: 'user-data' })]),
      'policies[1].name',
      'the name of `policies[0]` again',
    ],
    [
      'the same keys into the same target',
      rightBut([['policies'], second({ prefix: 'users/a/', targets: ['azure', 'gcp'] })]),
      'policies[1].targets[1]',
      'where `policies[0]` writes the same keys',
    ],
    [
      'all keys into the same target',
      rightBut([['policies'], second({ prefix: undefined, targets: ['gcp'] })]),
      'policies[1].targets[0]',
      'writes the same keys',
    ],
    [
      'copies back',
      rightBut([['policies'], second({ prefix: 'users/', source: 'aws', targets: ['primary'] })]),
      'policies[1]',
      'copies back into the source',
    ],
  ])('%s', (_, yaml, path, says) => {
    expectProblem(yaml, path, says);
  });

  it('prefixes that do not overlap may share a target, and two policies a source', () => {
    expect(load(rightBut([['policies'], second({ targets: ['aws'] })])).config.policies).toHaveLength(2);
  });
});

describe('two providers at one place', () => {
  const two = (a: object, b: object) => rightBut([['providers', 'a'], a], [['providers', 'b'], b]);
  const dir = (path: string, prefix?: string) => ({
    type: 'filesystem',
    path,
    ...(prefix === undefined ? {} : { prefix }),
  });
  const s3 = (more: object) => ({ type: 's3', bucket: 'same', ...more });
  const azure = (more: object) => ({ type: 'azure', container: 'same', ...more });
  const links = (path: string) => {
    if (path === '/link') return '/real';
    throw new Error('ENOENT');
  };

  it.each<[string, object, object, World?]>([
    ['the same directory', dir('/x'), dir('/x/')],
    ['the same directory, spelled otherwise', dir('x'), dir('./y/../x')],
    ['a directory inside another', dir('/x'), dir('/x/y')],
    ['a directory around another', dir('/x/y'), dir('/x')],
    ['a directory and a prefix', dir('/x/y/z'), dir('/x', 'y/')],
    ['a symbolic link', dir('/real/sub'), dir('/link/sub'), { realPath: links }],
    ['the same bucket', s3({}), s3({ region: 'eu-west-1' })],
    ["a bucket and AWS's own endpoint", s3({}), s3({ endpoint: 'https://s3.eu-west-1.amazonaws.com/' })],
    ['a prefix inside another', s3({ prefix: 'a/' }), s3({ prefix: 'a/b/' })],
    ['a prefix and the whole bucket', s3({ prefix: 'a/' }), s3({})],
    [
      'endpoints that differ in spelling',
      s3({ endpoint: 'https://S3.example.com' }),
      s3({ endpoint: 'https://s3.example.com:443/' }),
    ],
    ['names of this machine', s3({ endpoint: 'http://localhost:9000' }), s3({ endpoint: 'http://127.0.0.1:9000' })],
    ['GCS and its S3 endpoint', s3({ endpoint: 'https://storage.googleapis.com' }), { type: 'gcs', bucket: 'same' }],
    [
      'an account and its endpoint',
      azure({ account: 'acc' }),
      azure({ account: 'acc', endpoint: 'https://acc.blob.core.windows.net/' }),
    ],
    [
      'an account and its connection string',
      azure({ account: 'acc' }),
      azure({ connectionString: 'AccountName=acc;AccountKey=s3cr3t==' }),
    ],
    [
      'the emulator',
      azure({ connectionString: 'UseDevelopmentStorage=true' }),
      azure({ account: 'devstoreaccount1', endpoint: 'http://127.0.0.1:10000/devstoreaccount1' }),
    ],
  ])('%s', (_, a, b, world) => {
    expectProblem(two(a, b), 'providers.b', '`providers.a`; expected places that do not overlap', world);
  });

  it.each([
    ['prefixes beside each other', dir('/x', 'a/'), dir('/x', 'ab/')],
    ['directories with a common beginning', dir('/x/a'), dir('/x/ab')],
    ['prefixes of one bucket', s3({ prefix: 'a/' }), s3({ prefix: 'ab/' })],
    ['other buckets', s3({}), s3({ bucket: 'another' })],
    ['other servers', s3({ endpoint: 'https://a.example' }), s3({ endpoint: 'https://b.example' })],
    ['other ports', s3({ endpoint: 'http://127.0.0.1:1' }), s3({ endpoint: 'http://127.0.0.1:2' })],
    ['the same name at S3 and GCS', s3({}), { type: 'gcs', bucket: 'same' }],
    ['other accounts', azure({ account: 'one' }), azure({ account: 'two' })],
  ])('%s are fine', (_, a, b) => {
    expect(Object.keys(load(two(a, b)).config.providers)).toContain('b');
  });

  it('a catalog inside a provider', () => {
    expectProblem(
      rightBut([['catalog'], 'sqlite:data/source/catalog.db']),
      'catalog',
      'a file inside `providers.primary`',
    );
    const linked: World = { realPath: (path) => path.replace(/\/somewhere/, '/data/source') };
    expectProblem(
      rightBut([['catalog'], 'sqlite:somewhere/catalog.db']),
      'catalog',
      'inside `providers.primary`',
      linked,
    );
    expect(load(rightBut([['catalog'], 'sqlite:data/source.db'])).config.catalog.file).toBe('data/source.db');
  });
});

describe('limits', () => {
  it('memory must hold one transfer', () => {
    expectProblem(
      `${right}limits: { memory: 16777215 }`,
      'limits.memory',
      'expected at least 16MiB, which one transfer needs',
    );
    expect(load(`${right}limits: { memory: 16MiB }`).config.limits.memory).toBe(16_777_216);
  });
});

describe('warnings', () => {
  it('a listener that others reach, without a token', () => {
    const yaml = (listen: string) => rightBut([['http'], { listen }]);
    expect(load(yaml(':8080')).warnings).toEqual([
      {
        path: 'http.listen',
        position: expect.objectContaining({ column: 3 }),
        message: expect.stringContaining('0.0.0.0:8080 is reachable from other machines'),
      },
    ]);
    for (const listen of ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:0'])
      expect(load(yaml(listen)).warnings).toEqual([]);
    expect(load(rightBut([['http', 'listen'], ':8080'])).warnings).toEqual([]);
  });

  it('an endpoint without encryption, unless it is this machine', () => {
    const paths = (endpoint: string) =>
      load(rightBut([['providers', 'aws', 'endpoint'], endpoint])).warnings.map(({ path }) => path);
    expect(paths('http://minio.example:9000')).toEqual(['providers.aws.endpoint']);
    for (const fine of ['https://minio.example', 'http://127.0.0.1:9000', 'http://localhost', 'http://[::1]:9000']) {
      expect(paths(fine)).toEqual([]);
    }
  });
});

function expectProblem(yaml: string, path: string, says: string, world?: World): void {
  const error = refusal(yaml, world) as ConfigError;
  expect(error).toBeInstanceOf(ConfigError);
  const { problems } = error;
  const found = problems.map(({ path: at, message }) => [at, message]);
  expect(found).toContainEqual([path, expect.stringContaining(says)]);
  expect(problems.every(({ position }) => position !== undefined)).toBe(true);
  expect(String(error)).not.toContain('s3cr3t');
}
