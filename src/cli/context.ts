import { CatalogError } from '../catalog/errors.ts';
import type { Outlast } from '../catalog/outlast.ts';
import { configPath, loadConfig } from '../config/load.ts';
import { ConfigError, type ConfigProblem } from '../config/problems.ts';
import type { Config } from '../config/schema.ts';
import { UsageError } from '../objects/errors.ts';
import { Replicator } from '../replicator.ts';
import type { Lacking } from '../sites.ts';
import { formatJson, formatLines } from './format.ts';
import { createLogger, type Log, type LogLevel } from '../telemetry/log.ts';
import { noMetrics, type Metrics } from '../telemetry/metrics.ts';

/** What `-c` and the other options that every command takes say. */
export interface GlobalOptions {
  readonly config?: string;
  readonly logLevel: LogLevel;
}

/** What a command is given by the door. */
export interface Context {
  readonly options: GlobalOptions;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export interface Prepared {
  readonly config: Config;
  readonly path: string;
  readonly log: Log;
  readonly logLevel: LogLevel;
  /** Of the configuration, for who asks about it. */
  readonly advice: readonly ConfigProblem[];
  /** Providers whose values could not be had; empty for commands that may use any. */
  readonly lacking: Lacking;
}

/**
 * Reads the configuration and says on stderr what it warns of.
 * @param uses the providers that the command cannot do without: that values of others are not there does not matter to it.
 *   Default: all.
 * @throws ConfigError
 */
export function prepare({ options }: Context, uses?: readonly string[]): Prepared {
  const path = configPath(options.config);
  const { config, warnings, advice, lacking } = loadConfig(path, {}, { allowLacking: uses !== undefined });
  const missing = [...new Set(uses)].flatMap((name) => lacking.get(name) ?? []);
  if (missing.length > 0) throw new ConfigError(path, missing);
  const log = createLogger({ level: options.logLevel });
  warn(log, warnings);
  const { logLevel } = options;
  return {
    config,
    path,
    log,
    logLevel,
    advice,
    lacking: new Map([...lacking].map(([name, all]) => [name, inWords(all)])),
  };
}

function inWords(problems: readonly ConfigProblem[]): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

export function warn(log: Log, problems: readonly ConfigProblem[]): void {
  for (const problem of problems) log.warn({ path: problem.path }, warningText(problem));
}

export interface Opening {
  /** The configuration is the truth from now on: what it lacks is given up. Only for commands that act on it. */
  readonly forget: boolean;
  /** Other threads may join the work. */
  readonly crew?: boolean;
  readonly metrics?: Metrics;
  readonly outlast?: Outlast;
}

/** @throws UsageError when the catalog cannot be opened; CatalogError when it can, and is of no use. */
export async function openReplicator(
  { config, log, logLevel, lacking }: Prepared,
  { forget, crew = false, metrics = noMetrics, outlast }: Opening,
): Promise<Replicator> {
  const surroundings = { log, metrics, lacking, ...(outlast && { outlast }) };
  const opening = { forget, ...(crew && { crew: { level: logLevel, pretty: process.stderr.isTTY } }) };
  try {
    return await Replicator.open(config, surroundings, opening);
  } catch (error) {
    // Later on it is the world that fails; now it is the place that the configuration names.
    if (error instanceof CatalogError && error.code === 'unavailable')
      throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function warningText({ path, message }: ConfigProblem): string {
  return `configuration: ${path}: ${message}`;
}

/** A part of the result, on stdout. */
export function print(text: string): void {
  process.stdout.write(`${formatLines(text)}\n`);
}

/** What is said beside the result, on stderr. */
export function say(text: string): void {
  process.stderr.write(`${formatLines(text)}\n`);
}

export function printJson(document: unknown): void {
  process.stdout.write(`${formatJson(document)}\n`);
}
