import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { configPath, loadConfig } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import { file, load, refusal, right, set } from './fixture.ts';

const bytes = (...numbers: number[]) => Uint8Array.from(numbers);

describe('a file that is no configuration', () => {
  it.each([
    ['empty', '', 'the file is empty; expected a mapping with catalog, providers and policies'],
    ['only comments', '# nothing\n', 'the file is empty'],
    ['null', 'null', 'the file is empty'],
    ['a list', '- a\n- b', 'found a list; expected a mapping'],
    ['a text', 'hello', 'found a single value'],
    ['a number', '42', 'found a single value'],
    ['a tab as indentation', 'catalog: x\nproviders:\n\taws: {}', `${file}:3:1: YAML: found a tab in the indentation`],
    ['an open bracket', 'catalog: [', `${file}:1:`],
    ['an open quote', 'catalog: "abc\n', `${file}:2:`],
    ['bad indentation', 'a: 1\n   b: 2', `${file}:`],
    ['two documents', `${right}---\n${right}`, 'found a second document'],
    ['an unknown tag', 'catalog: !s3cr3t x', 'found a tag'],
    ['an unknown escape', 'catalog: "\\s3cr3t"', 'found an unknown escape'],
    ['binary garbage', bytes(0x7f, 0x45, 0x4c, 0x46, 0, 1, 2), `${file}:1:1: found the control character 0x7f`],
    ['bytes that are not UTF-8', bytes(0x61, 0xff, 0xfe), 'found bytes that are not UTF-8'],
    ['UTF-16', bytes(0xff, 0xfe, 0x61, 0), 'found bytes that are not UTF-8'],
    ['endless nesting', '['.repeat(5_000), 'YAML'],
    ['deep nesting', `catalog: ${'['.repeat(50)}${']'.repeat(50)}`, 'found more than 32 levels'],
    ['too large', `# ${'x'.repeat(1024 * 1024)}`, 'expected a YAML file of at most 1 MiB'],
  ])('%s', (_, content, says) => {
    const error = refusal(content);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain(says);
    expect((error as ConfigError).message).not.toContain('s3cr3t');
  });

  it('does not let aliases multiply without end', () => {
    const levels = Array.from({ length: 12 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(9)}]`);
    const error = refusal(`l0: &l0 [a]\n${levels.join('\n')}`);
    expect((error as ConfigError).message).toContain('found more than 10000 values, aliases included');
  });

  it('reads a byte order mark, Windows line ends and aliases', () => {
    const yaml = right.replace('path: ./data/source }', 'path: &where ./data/source }').replaceAll('\n', '\r\n');
    expect(load(`\ufeff${yaml}`).config).toEqual(load(right).config);
    const aliased = right.replace('name: user-data', 'name: &name user-data').replace('2\n', '2\n    prefix: *name\n');
    expect(load(aliased).config.policies[0]?.prefix).toBe('user-data');
  });

  it('that is missing: says where it looked and how to name another', () => {
    expect(() => loadConfig('no/such/file.yaml')).toThrow(
      /no\/such\/file\.yaml: there is no such file \(looked at \/.*\/no\/such\/file\.yaml\); name another with -c <file> or HOLDFAST_CONFIG/,
    );
    expect(() => loadConfig('src')).toThrow(/it cannot be read: EISDIR/);
  });
});

describe('the path of the file', () => {
  it('is the one asked for, else HOLDFAST_CONFIG, else the default', () => {
    expect(configPath('a.yaml', { HOLDFAST_CONFIG: 'b.yaml' })).toBe('a.yaml');
    expect(configPath(undefined, { HOLDFAST_CONFIG: 'b.yaml' })).toBe('b.yaml');
    expect(configPath(undefined, { HOLDFAST_CONFIG: '' })).toBe('config/holdfast.yaml');
    expect(configPath(undefined, {})).toBe('config/holdfast.yaml');
  });
});

describe('whatever the file holds, it is loaded or refused by a ConfigError', () => {
  const loadedOrRefused = (content: string | Uint8Array) => {
    const error = refusal(content);
    if (error === undefined) return true;
    // Every message is ours: the schema library's own words name types of a language the reader may not know.
    return error instanceof ConfigError && !/Invalid|received|must match|undefined/.test(error.message);
  };
  const junk = fc.oneof(
    fc.constantFrom(
      null,
      true,
      -1,
      1.5,
      1e300,
      Number.NaN,
      '',
      '${',
      '${}',
      '${NO}',
      '..',
      '/',
      '0',
      '[::',
      'constructor',
      '\0',
    ),
    fc.anything({ maxDepth: 2, withNullPrototype: false }),
    fc.string({ unit: 'binary' }),
  );

  it('any value at any place', () => {
    const places = placesIn(parse(right));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...places), junk), { minLength: 1, maxLength: 3 }), (changes) => {
        const root: unknown = parse(right);
        for (const [place, value] of changes) set(root, place, value ?? null);
        return loadedOrRefused(stringify(root));
      }),
      { numRuns: 100 },
    );
  });

  it('any bytes, and any damage to the text', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), loadedOrRefused), { numRuns: 100 });
    const damage = fc.tuple(fc.nat(right.length), fc.nat(20), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(damage, ([at, length, insert]) =>
        loadedOrRefused(right.slice(0, at) + insert + right.slice(at + length)),
      ),
      { numRuns: 100 },
    );
  });
});

function placesIn(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    return [at, ...placesIn(child, at)];
  });
}
