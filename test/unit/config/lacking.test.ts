import { describe, expect, it } from 'vitest';
import { load, refusal, rightBut } from './fixture.ts';

const allowLacking = { allowLacking: true };
const aws = (key: string) => ['providers', 'aws', ...key.split('.')];
const key = aws('credentials.secretAccessKey');

describe('providers whose values are not there', () => {
  const yaml = rightBut(
    [key, '${AWS_SECRET}'],
    [aws('bucket'), '${file:/run/bucket}'],
    [['providers', 'azure', 'accountKey'], '${AZURE_KEY}'],
    [['http'], { listen: ':8080', token: '${TOKEN}' }],
  );

  it('are left out where that is allowed, with the reasons and their places; the policies still name them', () => {
    const { config, lacking, warnings } = load(yaml, { env: { AZURE_KEY: 'k' } }, allowLacking);
    expect(Object.keys(config.providers)).toEqual(['primary', 'gcp', 'azure']);
    expect(config.policies[0]?.targets).toEqual(['aws', 'gcp', 'azure']);
    expect([...lacking.keys()]).toEqual(['aws']);
    expect(lacking.get('aws')).toEqual([
      {
        path: 'providers.aws.bucket',
        position: { line: expect.any(Number) as number, column: 5 },
        message: expect.stringMatching(/^the file \/run\/bucket cannot be read/) as string,
      },
      {
        path: 'providers.aws.credentials.secretAccessKey',
        position: { line: expect.any(Number) as number, column: 7 },
        message: 'the environment variable AWS_SECRET is not set',
      },
    ]);
    expect(config.http).toEqual(load(rightBut([['http'], undefined])).config.http);
    expect(warnings).toEqual([]);
  });

  it('are used where their values are there', () => {
    const env = { AWS_SECRET: 's', AZURE_KEY: 'k', TOKEN: 't' };
    const given = { env, files: { '/run/bucket': 'data' } };
    expect(load(yaml, given, allowLacking)).toEqual(load(yaml, given));
    expect(load(yaml, given, allowLacking).lacking.size).toBe(0);
  });

  it('are refused otherwise, all at once', () => {
    const { message } = refusal(yaml) as Error;
    for (const path of ['aws.bucket', 'aws.credentials.secretAccessKey', 'azure.accountKey'])
      expect(message).toContain(`providers.${path}: the `);
    expect(message).toContain('http.token: the environment variable TOKEN is not set');
  });

  it('are refused where no other is left', () => {
    const only = (name: string) => [['providers', name], { type: 'filesystem', path: `\${${name}}` }] as const;
    const none = rightBut(only('primary'), only('aws'), only('gcp'), only('azure'));
    expect((refusal(none, {}, allowLacking) as Error).message).toContain('has 4 problems');
  });

  it.each([
    ['an unknown key of another provider', [['providers', 'gcp', 'regoin'], 'x'], 'providers.gcp.regoin'],
    ['a value of a policy', [['policies', 0, 'prefix'], '${PREFIX}'], 'policies[0].prefix'],
    ['a target that is no provider', [['policies', 0, 'targets', 1], 'gpc'], 'policies[0].targets[1]'],
    ['the place of the catalog', [['catalog'], 'sqlite:${DATA}/catalog.db'], 'catalog'],
  ] as const)('do not hide other problems: %s', (_, change, path) => {
    const { message } = refusal(rightBut([key, '${AWS_SECRET}'], change), {}, allowLacking) as Error;
    expect(message).toContain('has 1 problem:');
    expect(message).toContain(` ${path}: `);
  });
});
