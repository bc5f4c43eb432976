import { UsageError } from '../objects/errors.ts';
import { hidden, isSecretPath, maskUrl } from './secrets.ts';

/** Where a value stands in the configuration: `['policies', 0, 'targets', 1]`. */
export type Path = readonly (string | number)[];

/** Line and column in the file, from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something a person should know about one place of the configuration; a problem stops the program, a warning does not. */
export interface ConfigProblem {
  /** As people write it: `policies[0].targets[1]`; empty for the file itself. */
  readonly path: string;
  readonly position?: Position;
  readonly message: string;
}

/** A problem whose place in the file is not looked up yet. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** A reference whose value could not be had: whoever does not need the value can do without. */
  readonly unresolved?: true;
  /** Set where the path alone does not say which place in the file it is. */
  readonly offset?: number;
}

/** The configuration cannot be used; the message lists every problem, and no secret. Exit status 2. */
export class ConfigError extends UsageError {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super([`the configuration ${file} has ${count}:`, ...problems.map((each) => formatProblem(file, each))].join('\n'));
    this.file = file;
    this.problems = problems;
  }
}

/** `config/holdfast.yaml:12:15 policies[0].targets[1]: …`, the form that editors and terminals turn into a link. */
export function formatProblem(file: string, { path, position, message }: ConfigProblem): string {
  const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  return `  ${place}${path === '' ? '' : ` ${path}`}: ${message}`;
}

export function formatPath(path: Path): string {
  return path.map(formatStep).join('');
}

function formatStep(step: string | number, index: number): string {
  if (typeof step === 'number') return `[${step}]`;
  if (!/^[\w-]+$/.test(step)) return `[${JSON.stringify(shorten(step))}]`;
  return index === 0 ? step : `.${step}`;
}

/** What stands at a path, in words that give no secret away. */
export function describeValue(value: unknown, path: Path): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (isSecretPath(path)) return `${value === '' ? 'an empty text' : kindOf(value)} ${hidden}`;
  if (typeof value === 'string') return quote(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}

/** What stands at a path, without its content: for places where nobody expects text, and it may be anything. */
export function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'number') return 'a number';
  return typeof value === 'boolean' ? 'a true or false' : describeValue(value, []);
}

export function quote(text: string): string {
  return JSON.stringify(shorten(maskUrl(text)));
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
