import { readFileSync, realpathSync } from 'node:fs';
import type { ValueSources } from './interpolate.ts';
import type { RealPath } from './places.ts';

/** Everything the configuration depends on besides its own file. */
export interface Surroundings extends ValueSources {
  readonly realPath: RealPath;
}

/** Those of this process. Nothing else in the program reads the environment or a configuration file. */
export function processSurroundings(): Surroundings {
  return { env: process.env, readFile: (path) => readFileSync(path), realPath: (path) => realpathSync.native(path) };
}
