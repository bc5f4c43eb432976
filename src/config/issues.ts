import type { z } from 'zod';
import { describeValue, formatPath, kindOf } from './problems.ts';
import type { Finding, Path } from './problems.ts';
import { hidden, isSecretPath } from './secrets.ts';
import { didYouMean } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/** What the schema refused and why, in words. The messages of `fields.ts` say what was expected. */
export function findingsOf(
  issues: readonly Issue[],
  document: { readonly value: unknown; readonly references: ReadonlyMap<string, string> },
): readonly Finding[] {
  return issues.flatMap((issue) => translate(issue, document.value, document.references));
}

function translate(issue: Issue, root: unknown, references: ReadonlyMap<string, string>): readonly Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey([...path, key], key, issue.message));
  const value = valueAt(root, path);
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? 'another name';
    return [{ path, message: `found ${describeValue(path.at(-1), [])} as a name; expected ${expected}` }];
  }
  const choices = choicesOf(issue);
  const expected = choices === undefined ? issue.message : `one of ${choices.join(', ')}`;
  if (value === undefined) return [{ path, message: `is missing; expected ${expected}` }];
  const found = describeFound(value, path, expected, references);
  const hint = choices === undefined || typeof value !== 'string' ? '' : didYouMean(value, choices);
  return [{ path, message: `found ${found}; expected ${expected}${hint}` }];
}

function unknownKey(path: Path, key: string, known: string): Finding {
  const hint = didYouMean(key, known.split(', '));
  return { path, message: `found an unknown key; expected ${known === '' ? 'none' : `one of ${known}`}${hint}` };
}

/** The words that may stand here, when they are a closed set. */
function choicesOf(issue: Issue): readonly string[] | undefined {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options))
    return issue.options.map(String);
  return undefined;
}

function describeFound(value: unknown, path: Path, expected: string, references: ReadonlyMap<string, string>): string {
  const reference = references.get(formatPath(path));
  if (reference !== undefined) return `the value of ${reference} ${hidden}`;
  // A text where a mapping or list belongs may be anything, a pasted secret too.
  if (/^a (?:mapping|list)\b/.test(expected) && !isSecretPath(path)) return kindOf(value);
  return describeValue(value, path);
}

export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}
