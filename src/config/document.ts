import { LineCounter, parseDocument } from 'yaml';
import type { Document, YAMLError } from 'yaml';
import { errorMessage } from '../objects/errors.ts';
import type { ValueSources } from './interpolate.ts';
import { formatPath } from './problems.ts';
import type { ConfigProblem, Finding, Path, Position } from './problems.ts';
import { decodeText, findControlCharacter } from './text.ts';
import { readTree } from './tree.ts';

/** A configuration file as plain values with references replaced, and where each of them stands. */
export interface ConfigDocument {
  readonly value: unknown;
  /** What is wrong before any schema is looked at: what stands at or below these paths means nothing. */
  readonly findings: readonly Finding[];
  /** Texts that came from the environment or a file, by formatted path, with the references as written. */
  readonly references: ReadonlyMap<string, string>;
  /** Gives a finding its line and column: those of the nearest thing that exists at or above its path. */
  locate(finding: Finding): ConfigProblem;
}

const maxFileSize = 1024 * 1024;
const maxSyntaxErrors = 10;

/** @returns the problems instead when the bytes are no YAML document. */
export function readDocument(bytes: Uint8Array, sources: ValueSources): ConfigDocument | readonly ConfigProblem[] {
  const text = bytes.length > maxFileSize ? undefined : decodeText(bytes);
  if (text === undefined) return [{ path: '', message: notText(bytes.length) }];
  const lines = new LineCounter();
  const control = findControlCharacter(text);
  if (control >= 0) return [controlCharacterProblem(text, control)];
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      schema: 'core',
    });
    const errors = syntaxErrors(document);
    return errors.length > 0 ? errors.map((error) => syntaxProblem(error, lines)) : located(document, lines, sources);
  } catch (error) {
    // The parser recurses, so that nesting without end exhausts the stack.
    const message = error instanceof RangeError ? 'nested too deeply' : errorMessage(error);
    return [{ path: '', message: `this is not YAML that can be read: ${message}` }];
  }
}

function located(document: Document.Parsed, lines: LineCounter, sources: ValueSources): ConfigDocument {
  const { value, findings, references, offsets } = readTree(document.contents, sources);
  return {
    value,
    findings,
    references,
    locate: ({ path, message, offset }) => ({
      path: formatPath(path),
      position: position(lines, offset ?? nearestOffset(offsets, path)),
      message,
    }),
  };
}

function nearestOffset(offsets: ReadonlyMap<string, number>, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const offset = offsets.get(formatPath(path.slice(0, length)));
    if (offset !== undefined) return offset;
  }
  return 0;
}

/** The document's errors, and those of its warnings after which a value is not what its author meant. */
function syntaxErrors(document: Document.Parsed): readonly YAMLError[] {
  const tags = document.warnings.filter(({ code }) => code === 'TAG_RESOLVE_FAILED' || code === 'BAD_COLLECTION_TYPE');
  return [...document.errors, ...tags].slice(0, maxSyntaxErrors);
}

function syntaxProblem(error: YAMLError, lines: LineCounter): ConfigProblem {
  return { path: '', position: position(lines, error.pos[0]), message: `YAML: ${syntaxMessage(error)}` };
}

/** The parser's words, without what it quotes from the file: that may be a secret. */
function syntaxMessage({ code, message }: YAMLError): string {
  if (code === 'DUPLICATE_KEY') return 'found the same key twice; expected each key once';
  if (code === 'TAB_AS_INDENT') return 'found a tab in the indentation; expected spaces';
  if (code === 'MULTIPLE_DOCS') return 'found a second document after `---`; expected one';
  if (code === 'BAD_DQ_ESCAPE') {
    return 'found an unknown escape in "…"; expected \\\\ for a backslash, or single quotes around the text';
  }
  if (code === 'TAG_RESOLVE_FAILED')
    return 'found a tag (`!…`) that does not fit; expected plain values, texts in quotes';
  if (code === 'UNEXPECTED_TOKEN' || code === 'BAD_DIRECTIVE') return message.replace(/:.*$/s, '');
  return message.replace(/\n.*$/s, '');
}

function position(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function controlCharacterProblem(text: string, offset: number): ConfigProblem {
  const before = text.slice(0, offset).split('\n');
  const code = text.charCodeAt(offset).toString(16).padStart(2, '0');
  return {
    path: '',
    position: { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 },
    message: `found the control character 0x${code}; expected YAML text`,
  };
}

function notText(size: number): string {
  return size > maxFileSize
    ? `found ${size} bytes; expected a YAML file of at most 1 MiB`
    : 'found bytes that are not UTF-8; expected YAML text in UTF-8';
}
