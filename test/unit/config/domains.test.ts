import { describe, expect, it, test } from 'vitest';
import { domainOf, providersMeant } from '../../../src/config/domains.ts';
import { expectRefused, load, rightBut } from './fixture.ts';

const aws = { type: 's3', bucket: 'b', region: 'eu-central-1' };
const other = { type: 's3', bucket: 'b', region: 'us-east-1', endpoint: 'https://S3.example.com/' };

test.each([
  ['a directory', { type: 'filesystem', path: './x' }, {}],
  ['AWS', aws, { operator: 'aws', region: 'eu-central-1' }],
  [
    'AWS by its endpoint',
    { ...aws, endpoint: 'https://s3.eu-central-1.amazonaws.com' },
    { operator: 'aws', region: 'eu-central-1' },
  ],
  ['another S3 server, whose region says nothing', other, { operator: 's3.example.com' }],
  ['Google', { type: 'gcs', bucket: 'b' }, { operator: 'google' }],
  [
    'another GCS server',
    { type: 'gcs', bucket: 'b', endpoint: 'http://127.0.0.1:4443' },
    { operator: 'localhost:4443' },
  ],
  ['Azure', { type: 'azure', container: 'copy', account: 'myaccount' }, { operator: 'azure' }],
  [
    'what is declared wins',
    { ...aws, domain: { operator: 'ACME', account: 'Main' } },
    { operator: 'acme', region: 'eu-central-1', account: 'main' },
  ],
])('%s', (_, settings, expected) => {
  const { config } = load(rightBut([['providers', 'aws'], settings]));
  const provider = config.providers['aws'];
  expect(provider && domainOf(provider as Parameters<typeof domainOf>[0])).toEqual(expected);
});

const three = rightBut(
  [['providers', 'aws', 'domain'], { operator: 'AWS', region: 'eu', account: 'prod' }],
  [['providers', 'gcp', 'domain'], { region: 'EU' }],
  [['providers', 'primary', 'domain'], { account: 'prod' }],
);

describe('what --lose means', () => {
  const { config } = load(three);

  it.each([
    [['gcp'], ['gcp']],
    [['operator=aws'], ['aws']],
    [
      ['operator=AWS', 'azure', 'aws'],
      ['aws', 'azure'],
    ],
    [['region=eu'], ['aws', 'gcp']],
    [['account=prod'], ['primary', 'aws']],
  ])('%j', (asked, expected) => {
    expect(providersMeant(config, asked)).toEqual(expected);
  });

  it.each(['awz', 'operator=awz', 'zone=a', 'operator=', '', '__proto__'])(
    '%j is refused with what there is',
    (asked) => {
      const known = /there is: primary, aws, gcp, azure; .* account=prod, operator=aws, region=eu, .*operator=azure/;
      expect(() => providersMeant(config, ['gcp', asked])).toThrow(known);
      expect(() => providersMeant(config, [asked])).toThrow(expect.objectContaining({ name: 'UsageError' }));
    },
  );
});

test('places of one policy that have something in common are told, and only as advice', () => {
  const { advice, warnings } = load(three);
  expect(warnings).toEqual([]);
  expect(advice.map(({ path, message }) => [path, message.split(':')[0]])).toEqual([
    ['policies[0]', 'aws and gcp have the region eu in common'],
    ['policies[0]', 'the source primary and aws have the account prod in common'],
  ]);
  expect(advice[0]).toMatchObject({ position: { line: expect.any(Number) as number } });
  expect(advice[0]?.message).toContain('holdfast whatif --lose region=eu');
  expect(load(rightBut()).advice).toEqual([]);
});

test('a domain is texts, and no key that is not known', () => {
  const at = (domain: unknown) => rightBut([['providers', 'aws', 'domain'], domain]);
  expectRefused(at({ operator: 7 }), 'providers.aws.domain.operator', 'a text');
  expectRefused(at({ operator: ' aws' }), 'providers.aws.domain.operator', 'without spaces');
  expectRefused(at({ zone: 'a' }), 'providers.aws.domain.zone', 'one of operator, region, account');
});
