import { resolve } from 'node:path';
import type { z } from 'zod';
import { errorMessage } from '../objects/errors.ts';
import { contradictions } from './contradictions.ts';
import { readDocument } from './document.ts';
import type { ConfigDocument } from './document.ts';
import { findingsOf, valueAt } from './issues.ts';
import { piecesOf } from './pieces.ts';
import { ConfigError, formatPath } from './problems.ts';
import type { ConfigProblem, Finding } from './problems.ts';
import { configSchema } from './schema.ts';
import type { Config } from './schema.ts';
import { nothingSetAside, setAside } from './set-aside.ts';
import { Secret } from './secrets.ts';
import { processSurroundings } from './surroundings.ts';
import type { Surroundings } from './surroundings.ts';
import { sharedDomains } from './domains.ts';
import { warningsFor } from './warnings.ts';

export interface LoadedConfig {
  /** Frozen, all the way down. */
  readonly config: Config;
  readonly warnings: readonly ConfigProblem[];
  /** What `config check` says besides: right, and worth knowing once. */
  readonly advice: readonly ConfigProblem[];
  /** Providers that `config` leaves out, as values of theirs could not be had; empty unless that was allowed. */
  readonly lacking: ReadonlyMap<string, readonly ConfigProblem[]>;
}

export interface LoadOptions {
  /** Whether providers whose environment variables or secret files are not there are left out, if any other is there. */
  readonly allowLacking: boolean;
}

export const defaultConfigPath = 'config/holdfast.yaml';

/** Which file to read: the one asked for, else `HOLDFAST_CONFIG`, else the default. */
export function configPath(asked: string | undefined, env: Surroundings['env'] = processSurroundings().env): string {
  return asked ?? (env['HOLDFAST_CONFIG'] || defaultConfigPath);
}

/**
 * Reads, replaces references, checks and fills in.
 * @throws ConfigError with every problem there is.
 */
export function loadConfig(
  path: string,
  given: Partial<Surroundings> = {},
  { allowLacking }: LoadOptions = { allowLacking: false },
): LoadedConfig {
  const surroundings = { ...processSurroundings(), ...given };
  const whole = readDocument(readBytes(path, surroundings), surroundings);
  if (!('value' in whole)) throw new ConfigError(path, whole);
  const { document, lacking } = allowLacking ? setAside(whole) : { document: whole, lacking: nothingSetAside };
  const topProblem = checkTop(document.value);
  if (topProblem !== undefined) throw new ConfigError(path, [document.locate(topProblem)]);
  const { data, findings } = validate(document, lacking.keys(), surroundings);
  if (data === undefined || findings.length > 0) {
    throw new ConfigError(path, findings.map((each) => document.locate(each)).toSorted(byPosition));
  }
  const config = freeze(data);
  const located = (found: readonly Finding[]): readonly ConfigProblem[] =>
    Object.freeze(found.map((each) => document.locate(each)));
  return Object.freeze({
    config,
    warnings: located(warningsFor(config)),
    advice: located(sharedDomains(config)),
    lacking: new Map([...lacking].map(([name, findings]) => [name, located(findings)])),
  });
}

function readBytes(path: string, { readFile }: Surroundings): Uint8Array {
  try {
    return readFile(path);
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const why = absent ? 'there is no such file' : `it cannot be read: ${errorMessage(error)}`;
    const message = `${why} (looked at ${resolve(path)}); name another with -c <file> or HOLDFAST_CONFIG`;
    throw new ConfigError(path, [{ path: '', message }]);
  }
}

function checkTop(value: unknown): Finding | undefined {
  const expected = 'expected a mapping with catalog, providers and policies';
  if (value === null) return { path: [], message: `the file is empty; ${expected}` };
  if (Array.isArray(value)) return { path: [], message: `found a list; ${expected}` };
  return typeof value === 'object' ? undefined : { path: [], message: `found a single value; ${expected}` };
}

interface Validated {
  readonly data: z.output<typeof configSchema> | undefined;
  readonly findings: readonly Finding[];
}

function validate(document: ConfigDocument, lacking: Iterable<string>, { realPath }: Surroundings): Validated {
  let result = configSchema.safeParse(document.value);
  if (!result.success && readNumbersFromReferences(document, result.error.issues)) {
    result = configSchema.safeParse(document.value);
  }
  const broken = document.findings.map(({ path }) => formatPath(path));
  const consequence = ({ path }: Finding) => path.some((_, end) => broken.includes(formatPath(path.slice(0, end + 1))));
  const fromSchema = result.success ? [] : findingsOf(result.error.issues, document);
  const across = contradictions(piecesOf(document.value, lacking), realPath);
  const further = [...fromSchema, ...across].filter((finding) => !broken.includes('') && !consequence(finding));
  return { data: result.data, findings: [...document.findings, ...further] };
}

/** Environment variables are texts: where the schema wants a number or a flag and the text is one, it is read as such. */
function readNumbersFromReferences(document: ConfigDocument, issues: readonly z.core.$ZodIssue[]): boolean {
  let changed = false;
  for (const issue of issues) {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    const last = path.at(-1);
    const holder = valueAt(document.value, path.slice(0, -1));
    const text = valueAt(document.value, path);
    if (issue.code !== 'invalid_type' || last === undefined || !document.references.has(formatPath(path))) continue;
    const value = issue.expected === 'boolean' ? readFlag(text) : readNumber(text, issue.expected);
    if (value === undefined || typeof holder !== 'object' || holder === null) continue;
    Object.assign(holder, { [last]: value });
    changed = true;
  }
  return changed;
}

function readFlag(text: unknown): boolean | undefined {
  return text === 'true' || text === 'false' ? text === 'true' : undefined;
}

function readNumber(text: unknown, expected: string): number | undefined {
  const wanted = expected === 'number' || expected === 'int';
  return wanted && typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function byPosition(a: ConfigProblem, b: ConfigProblem): number {
  return (a.position?.line ?? 0) - (b.position?.line ?? 0) || (a.position?.column ?? 0) - (b.position?.column ?? 0);
}

/** Also takes the prototype from the providers: their names are the user's, and `constructor` is a name. */
function freeze(config: z.output<typeof configSchema>): Config {
  Object.setPrototypeOf(config.providers, null);
  freezeDeep(config);
  return config;
}

function freezeDeep(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  if (!(value instanceof Secret)) Object.values(value).forEach(freezeDeep);
}
