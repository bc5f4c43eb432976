import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

import versions from './server-versions.json' with { type: 'json' };

/** Real servers and tools that tests and benchmarks run against. `azurite` comes with the development dependencies. */
export type ServerName = 'versitygw' | 'fake-gcs-server' | 'rclone' | 'azurite';

const checkout = resolve(import.meta.dirname, '..', '..');
const localTools = join(checkout, '.tools', 'bin');

/** What the test suite uses when it is there and demands under HOLDFAST_REQUIRE_SERVERS=1. */
export const testServers: readonly ServerName[] = ['versitygw', 'fake-gcs-server', 'azurite'];

/**
 * The program's path, or undefined when this machine does not have it. Looks in the directory
 * HOLDFAST_SERVERS_DIR, on PATH, then in `.tools/bin` of the checkout.
 * Azurite is a JavaScript file: run it as `process.execPath <path>`.
 */
export function findServer(name: ServerName): string | undefined {
  if (name === 'azurite') return existing(join(checkout, 'node_modules', 'azurite', 'dist', 'src', 'blob', 'main.js'));
  return findInstalled(name)[0];
}

/** Every program of this name, in the order they are looked for. */
export function findInstalled(name: Exclude<ServerName, 'azurite'>): readonly string[] {
  return searchPath()
    .map((directory) => join(directory, name))
    .filter(isExecutable);
}

/** @throws Error that says how to get the server, when it is not there. */
export function requireServer(name: ServerName): string {
  const path = findServer(name);
  if (path === undefined) throw new Error(`${name} is not installed. Get it with: ${howToInstall(name)}`);
  return path;
}

export function howToInstall(name: ServerName): string {
  if (name === 'azurite') return 'npm ci';
  const { module, version } = versions[name];
  return `GOBIN="$PWD/.tools/bin" go install ${module}@${version}`;
}

function searchPath(): readonly string[] {
  const { HOLDFAST_SERVERS_DIR, PATH } = process.env;
  return [HOLDFAST_SERVERS_DIR ?? '', ...(PATH ?? '').split(delimiter), localTools].filter((entry) => entry !== '');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function existing(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : path;
}
