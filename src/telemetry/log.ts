import { destination as fileDestination, pino, stdTimeFunctions } from 'pino';
import { humanLines } from './human-lines.ts';
import { createRedactor } from './redact.ts';

/** What rooms log with. `fields` carry the facts (policy, provider, key, error, …), `message` says what happened. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** Takes whole lines, each with its line feed. */
export interface LogDestination {
  write(line: string): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Short lines for people instead of JSON lines; by default when stderr is a terminal. */
  readonly pretty?: boolean;
  /** Stderr by default: results are on stdout. */
  readonly destination?: LogDestination;
  /** Values that must never appear, wherever they come from. */
  readonly secrets?: readonly string[];
}

export function createLogger(options: LogOptions): Log {
  const { level, pretty = options.destination === undefined && process.stderr.isTTY } = options;
  const destination = options.destination ?? stderr();
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      // Pino's own serializers would copy whatever hangs on an error; the redactor has made it plain already.
      serializers: { err: asIs, error: asIs },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pretty ? humanLines(destination) : destination,
  );
  const redact = createRedactor(options.secrets);
  const at = (method: Exclude<LogLevel, 'silent'>) => (fields: object, message: string) => {
    if (logger.isLevelEnabled(method)) logger[method](redact.fields(fields), redact.text(message));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function asIs(value: unknown): unknown {
  return value;
}

/** Written at once: the last lines before an end of any kind are the ones that matter. */
function stderr(): LogDestination {
  return fileDestination({ dest: 2, sync: true });
}

export const silentLog: Log = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore });

function ignore(): void {}
