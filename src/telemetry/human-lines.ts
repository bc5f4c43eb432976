import type { LogDestination } from './log.ts';

/** Turns JSON log lines into `12:00:00 WARN  message  key=value`. */
export function humanLines(destination: LogDestination): LogDestination {
  return { write: (line) => destination.write(humanLine(JSON.parse(line) as LogLine)) };
}

interface LogLine {
  readonly level: string;
  /** ISO 8601. */
  readonly time: string;
  readonly message?: string;
  readonly [field: string]: unknown;
}

function humanLine({ level, time, message, ...fields }: LogLine): string {
  const clock = time.slice('2026-01-01T'.length, '2026-01-01T00:00:00'.length);
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${shownValue(value)}`);
  return `${[`${clock} ${level.toUpperCase().padEnd(5)} ${escape(message ?? '')}`, ...shown].join('  ')}\n`;
}

function shownValue(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:@%+-]+$/.test(value) ? value : escape(JSON.stringify(value));
  if (isError(value)) return escape(JSON.stringify(errorText(value)));
  return escape(JSON.stringify(value));
}

interface LoggedError {
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: unknown;
}

function isError(value: unknown): value is LoggedError {
  return typeof value === 'object' && value !== null && 'name' in value && 'message' in value;
}

function errorText({ message, code, stack }: LoggedError): string {
  if (typeof stack === 'string') return stack;
  return typeof code === 'string' ? `${code}: ${message}` : message;
}

const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** A key may hold anything, and what it holds must not steer the terminal or forge a line. */
function escape(text: string): string {
  return text
    .replaceAll('\n', String.raw`\n`)
    .replace(control, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
