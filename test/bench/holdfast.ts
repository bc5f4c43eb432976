import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { version } from '../../src/version.ts';
import { measure, type Program } from './measure.ts';
import type { Peer } from './peers.ts';
import type { Source, World } from './places.ts';

export const targetNames = ['s3', 'gcs', 'azure'] as const;

export interface Settings {
  /** Further keys of the configuration. */
  readonly config?: object;
  /** Further keys of the policy. */
  readonly policy?: object;
}

/** One run of `reconcile`, one source, three targets. */
export const holdfast: Peer = {
  name: `Holdfast ${version}`,
  run: async (world) => await measure([reconcile(await writeConfig(world))]),
};

export function reconcile(config: string): Program {
  return holdfastCommand(['reconcile', '--config', config, '--log-level', 'error']);
}

const checkout = join(import.meta.dirname, '..', '..');

/** What is measured is what ships: JavaScript in `dist`, not the sources, of which the types have to be taken out first. */
export function build(): void {
  execFileSync('npm', ['run', '-s', 'build'], { cwd: checkout, stdio: 'inherit' });
}

export function holdfastCommand(args: readonly string[]): Program {
  return { command: process.execPath, args: [join(checkout, 'dist', 'main.js'), ...args] };
}

/** @returns the path of the configuration; the catalog is beside it. */
export async function writeConfig(world: World, { config, policy }: Settings = {}): Promise<string> {
  const { bucket, directory, places } = world;
  const { azure, gcs, s3 } = places;
  const document = {
    catalog: `sqlite:${catalogOf(world)}`,
    providers: {
      source: sourceOf(world.source),
      s3: s3Settings(s3, bucket),
      gcs: { type: 'gcs', bucket, endpoint: gcs.endpoint },
      azure: { type: 'azure', container: bucket, connectionString: azure.connectionString },
    },
    policies: [{ name: 'bench', source: 'source', targets: targetNames, minCopies: 2, ...policy }],
    ...config,
  };
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'holdfast.yaml');
  await writeFile(path, JSON.stringify(document));
  return path;
}

export function catalogOf({ directory }: Pick<World, 'directory'>): string {
  return join(directory, 'catalog.db');
}

function sourceOf(source: Source): object {
  return source.kind === 'filesystem' ? { type: 'filesystem', path: source.path } : s3Settings(source, source.bucket);
}

function s3Settings({ endpoint, accessKeyId, secretAccessKey }: World['places']['s3'], bucket: string): object {
  const credentials = { accessKeyId, secretAccessKey };
  return { type: 's3', bucket, region: 'us-east-1', endpoint, forcePathStyle: true, credentials };
}
