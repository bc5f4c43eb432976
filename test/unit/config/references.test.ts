import { describe, expect, it } from 'vitest';
import type { ConfigError } from '../../../src/config/problems.ts';
import { load, refusal, right, rightBut } from './fixture.ts';
import type { World } from './fixture.ts';

const bucket = (text: string) => rightBut([['providers', 'aws', 'bucket'], text]);
const bucketOf = (text: string, world: World) => {
  const { aws } = load(bucket(text), world).config.providers;
  return aws?.type === 's3' ? aws.bucket : undefined;
};

describe('references to the environment and to files', () => {
  it('are replaced in texts, several and inside others', () => {
    expect(bucketOf('${A}-x-${B_2}', { env: { A: 'left', B_2: 'right' } })).toBe('left-x-right');
    expect(bucketOf('${file:/run/secrets/name}', { files: { '/run/secrets/name': 'from-a-file\n' } })).toBe(
      'from-a-file',
    );
  });

  it('drop one newline at the end of a file, and only that', () => {
    const token = (content: string) =>
      load(rightBut([['http', 'token'], '${file:/t}']), { files: { '/t': content } }).config.http.token?.reveal();
    expect(token('abc\r\n')).toBe('abc');
    expect(token('abc')).toBe('abc');
    expect(
      (refusal(rightBut([['http', 'token'], '${file:/t}']), { files: { '/t': 'abc\n\n' } }) as Error).message,
    ).toContain('http.token: found the value of ${file:/t} (hidden)');
  });

  it('are replaced once: what comes in is not looked at again', () => {
    const yaml = rightBut([['http', 'token'], '${A}']);
    expect(load(yaml, { env: { A: '${B}', B: 'no' } }).config.http.token?.reveal()).toBe('${B}');
  });

  it('are escaped by a second dollar sign', () => {
    expect(load(rightBut([['http', 'token'], '$${A}$x']), {}).config.http.token?.reveal()).toBe('${A}$x');
  });

  it('are not replaced in keys', () => {
    const error = refusal(right.replace('  gcp:', '  "${A}":'), { env: { A: 'gcp' } });
    expect((error as ConfigError).problems.map(({ path }) => path)).toContain('providers["${A}"]');
  });

  it('become numbers and flags where the schema wants them', () => {
    const yaml = `${rightBut([['providers', 'aws', 'forcePathStyle'], '${F}'], [['policies', 0, 'minCopies'], '${N}'])}limits: { memory: "\${M}", concurrency: "\${C}" }`;
    const { config } = load(yaml, { env: { F: 'true', N: '1', M: '33554432', C: '7' } });
    expect(config.limits).toEqual({ memory: 33_554_432, concurrency: 7 });
    expect(config.policies[0]?.minCopies).toBe(1);
    expect(config.providers['aws']).toMatchObject({ forcePathStyle: true });
    expect((refusal(yaml, { env: { F: 'true', N: 'x', M: '32MiB', C: '7' } }) as Error).message).toContain(
      'policies[0].minCopies: found the value of ${N} (hidden); expected a whole number',
    );
  });

  it.each([
    ['an unset variable', '${NOPE}', 'the environment variable NOPE is not set'],
    ['an inherited property', '${constructor}', 'the environment variable constructor is not set'],
    ['an empty variable', '${EMPTY}', 'the environment variable EMPTY is set but empty'],
    ['an open reference', '${NOPE', 'found `${` without a closing `}`'],
    ['nothing but the start', '${', 'found `${` without a closing `}`'],
    ['no name', '${}', 'found a reference that is neither'],
    ['a default value', '${NOPE:-x}', 'no default values'],
    ['a file that is not there', '${file:/nope}', 'the file /nope cannot be read: ENOENT'],
    ['an empty file', '${file:/empty}', 'the file /empty is empty'],
    ['a binary file', '${file:/binary}', 'the file /binary is not UTF-8 text'],
    ['no file name', '${file:}', 'found ${file:} without a path'],
  ])('%s is a problem of its place, and the only one there', (_, text, says) => {
    const world = { env: { EMPTY: '' }, files: { '/empty': '\n', '/binary': Uint8Array.of(0xff) } };
    const { problems } = refusal(bucket(text), world) as ConfigError;
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ path: 'providers.aws.bucket', message: expect.stringContaining(says) });
  });

  it('are never shown with their value', () => {
    const error = refusal(bucket('${KEY}'), { env: { KEY: 'has spaces, and is s3cr3t' } });
    expect((error as Error).message).toContain('found the value of ${KEY} (hidden); expected the name of a bucket');
    expect((error as Error).message).not.toContain('s3cr3t');
  });
});
