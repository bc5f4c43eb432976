import { errorMessage } from '../objects/errors.ts';
import { decodeText } from './text.ts';

/** Where values come from. */
export interface ValueSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @throws when the file cannot be read. */
  readonly readFile: (path: string) => Uint8Array;
}

export interface Interpolated {
  readonly text: string;
  /** The references that were replaced, as written: `${NAME}`. */
  readonly references: readonly string[];
  /** Why a reference could not be replaced; never with a value in it. */
  readonly problems: readonly string[];
}

const reference = /\$\$\{|\$\{([^}]*)(\}?)/g;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Replaces `${NAME}` and `${file:/path}`, once: what comes in is not looked at again. `$${` stands for `${`. */
export function interpolate(text: string, sources: ValueSources): Interpolated {
  const references: string[] = [];
  const problems: string[] = [];
  const replaced = text.replace(reference, (whole: string, inner: string | undefined, close: string | undefined) => {
    if (inner === undefined) return '${';
    try {
      const value = resolve(inner, close === '}', sources);
      references.push(whole);
      return value;
    } catch (error) {
      problems.push(errorMessage(error));
      return '';
    }
  });
  return { text: replaced, references, problems };
}

function resolve(inner: string, closed: boolean, sources: ValueSources): string {
  if (!closed) throw new Error('found `${` without a closing `}`; expected ${NAME}, or $${ for a literal ${');
  if (inner.startsWith('file:')) return readSecretFile(inner.slice('file:'.length), sources);
  if (variableName.test(inner)) return readVariable(inner, sources);
  throw new Error(
    'found a reference that is neither; expected ${NAME} (letters, digits and _; no default values) or ${file:/path}',
  );
}

function readVariable(name: string, { env }: ValueSources): string {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) throw new Error(`the environment variable ${name} is not set`);
  if (value === '') throw new Error(`the environment variable ${name} is set but empty`);
  return value;
}

function readSecretFile(path: string, { readFile }: ValueSources): string {
  if (path === '') throw new Error('found ${file:} without a path; expected ${file:/run/secrets/name}');
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (error) {
    throw new Error(`the file ${path} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
  const text = decodeText(bytes)?.replace(/\r?\n$/, '');
  if (text === undefined) throw new Error(`the file ${path} is not UTF-8 text`);
  if (text === '') throw new Error(`the file ${path} is empty`);
  return text;
}
