import { parse, stringify } from 'yaml';
import { expect } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { LoadedConfig, LoadOptions } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import type { Surroundings } from '../../../src/config/surroundings.ts';

/** A right configuration with one provider of each kind. */
export const right = `
catalog: sqlite:./data/catalog.db
providers:
  primary: { type: filesystem, path: ./data/source }
  aws:
    type: s3
    bucket: user-data-copy
    credentials: { accessKeyId: AKID, secretAccessKey: s3cr3t }
  gcp: { type: gcs, bucket: user-data-copy }
  azure: { type: azure, container: user-data-copy, account: myaccount, accountKey: azurek3y }
policies:
  - name: user-data
    source: primary
    targets: [aws, gcp, azure]
    minCopies: 2
http: { listen: 127.0.0.1:8080, token: t0ken }
`;

export interface World {
  readonly env?: Surroundings['env'];
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly realPath?: Surroundings['realPath'];
}

export const file = 'holdfast.yaml';

/** Loads a configuration in a world that has nothing but what is given. */
export function load(
  text: string | Uint8Array,
  { env = {}, files = {}, realPath }: World = {},
  options?: LoadOptions,
): LoadedConfig {
  const all: Readonly<Record<string, string | Uint8Array>> = { ...files, [file]: text };
  const surroundings: Surroundings = {
    env,
    readFile: (path) => {
      const content = all[path];
      if (content === undefined)
        throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' });
      return Buffer.from(content);
    },
    realPath: realPath ?? ((path) => path),
  };
  return loadConfig(file, surroundings, options);
}

/** What is wrong, the file, the path that the message names, and something it says. */
export type Refusal = readonly [what: string, yaml: string, path: string, says: string];

/** Fails unless the file is refused for this place, with its line and column, and no secret of `right` is shown. */
export function expectRefused(yaml: string, path: string, says: string): void {
  const error = refusal(yaml);
  expect(error).toBeInstanceOf(ConfigError);
  const { message, problems } = error as ConfigError;
  const problem = problems.find((each) => each.path === path && each.message.includes(says));
  if (problem === undefined) expect(message).toContain(`${path}: … ${says}`);
  const { line, column } = problem?.position ?? {};
  expect(message).toContain(`${file}:${line}:${column} ${path}: ${problem?.message}`);
  expect(message).not.toMatch(/s3cr3t|AKID|azurek3y|t0ken/);
}

type Steps = readonly (string | number)[];

/** The right configuration with some places set (or, with undefined, taken away), as YAML. */
export function rightBut(...changes: readonly (readonly [path: Steps, value: unknown])[]): string {
  const root: unknown = parse(right);
  for (const [path, value] of changes) set(root, path, value);
  return stringify(root);
}

export function set(root: unknown, path: Steps, value: unknown): void {
  const last = path.at(-1) ?? '';
  let holder: unknown = root;
  for (const step of path.slice(0, -1)) holder = Reflect.get(Object(holder), step);
  if (typeof holder !== 'object' || holder === null) return;
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else Reflect.set(holder, last, value);
}

/** What loading threw. */
export function refusal(text: string | Uint8Array, world?: World, options?: LoadOptions): unknown {
  try {
    load(text, world, options);
  } catch (error) {
    return error;
  }
  return undefined;
}
