import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { findInstalled, howToInstall } from '../support/servers.ts';
import { measure, type Program } from './measure.ts';
import type { Peer } from './peers.ts';
import type { World } from './places.ts';

/** Where Debian puts it. */
const packaged = '/usr/bin/rclone';

export interface Rclone {
  readonly path: string;
  /** With its version and where it comes from. */
  readonly name: string;
}

/** The newest release as `go install` builds it, Debian's, and those named besides; and in words which is missing. */
export function findRclones(named: readonly string[]): { readonly found: Rclone[]; readonly missing: string[] } {
  const installed = findInstalled('rclone').map((path) => realpathSync(path));
  const missing = [
    ...(installed.some((path) => path !== packaged) ? [] : [`the newest rclone (${howToInstall('rclone')})`]),
    ...(installed.includes(packaged) ? [] : ["Debian's rclone (apt-get install rclone)"]),
  ];
  const found = [...installed, ...named].map(describe);
  return { found: [...new Map(found.map((one) => [one.name, one])).values()], missing };
}

function describe(path: string): Rclone {
  const [, version = 'of unknown version'] = /^rclone v(\S+?)(?:-DEV)?\s/.exec(
    execFileSync(path, ['version'], { encoding: 'utf8' }),
  ) ?? [''];
  return { path, name: `rclone ${version}${path === packaged ? ' (Debian)' : ''} × 3` };
}

/** Three runs side by side, one per target. */
export function rclone({ path, name }: Rclone, options: RcloneOptions = {}): Peer {
  return { name, run: async (world) => await measure(rcloneRuns(path, world, options)) };
}

export interface RcloneOptions {
  /** Copy only what is below. */
  readonly prefix?: string;
  /** More options of `rclone copy`. */
  readonly extra?: readonly string[];
}

function rcloneRuns(path: string, world: World, { prefix = '', extra = [] }: RcloneOptions): Program[] {
  const { source, bucket } = world;
  const from = source.kind === 'filesystem' ? source.path : `o:${source.bucket}/${prefix}`;
  const options = ['--transfers', '16', '--checkers', '16', '--stats', '0', '--log-level', 'ERROR', ...extra];
  const env = remotes(world);
  return ['s', 'g', 'a'].map((remote) => ({
    command: path,
    args: ['copy', from, `${remote}:${bucket}/${prefix}`, ...options],
    env,
  }));
}

/** Everything about the remotes is in the environment. */
function remotes({ source, places: { s3, gcs, azure } }: World): Record<string, string> {
  return {
    RCLONE_CONFIG: '/dev/null',
    ...s3Remote('S', s3),
    ...(source.kind === 's3' ? s3Remote('O', source) : {}),
    RCLONE_CONFIG_G_TYPE: 'google cloud storage',
    RCLONE_CONFIG_G_ENDPOINT: `${gcs.endpoint}/storage/v1/`,
    RCLONE_CONFIG_G_ANONYMOUS: 'true',
    RCLONE_CONFIG_G_NO_CHECK_BUCKET: 'true',
    RCLONE_CONFIG_A_TYPE: 'azureblob',
    RCLONE_CONFIG_A_ACCOUNT: azure.account,
    RCLONE_CONFIG_A_KEY: azure.accountKey,
    RCLONE_CONFIG_A_ENDPOINT: azure.endpoint,
    RCLONE_CONFIG_A_NO_CHECK_CONTAINER: 'true',
  };
}

function s3Remote(name: string, { endpoint, accessKeyId, secretAccessKey }: World['places']['s3']) {
  const prefix = `RCLONE_CONFIG_${name}_`;
  return {
    [`${prefix}TYPE`]: 's3',
    [`${prefix}PROVIDER`]: 'Other',
    [`${prefix}ENDPOINT`]: endpoint,
    [`${prefix}REGION`]: 'us-east-1',
    [`${prefix}FORCE_PATH_STYLE`]: 'true',
    [`${prefix}NO_CHECK_BUCKET`]: 'true',
    [`${prefix}ACCESS_KEY_ID`]: accessKeyId,
    [`${prefix}SECRET_ACCESS_KEY`]: secretAccessKey,
  };
}
