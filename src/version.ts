import { readFileSync } from 'node:fs';

interface Manifest {
  readonly version: string;
}

/** The program's version: package.json lies beside `src` and beside `dist`. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Manifest
).version;
