import { join, resolve } from 'node:path';
import { isLoopback } from './address.ts';
import type { AzureSettings, ProviderSettings } from './provider-schema.ts';

/** Follows symbolic links. @throws when nothing is at the path. */
export type RealPath = (path: string) => string;

/** Where a provider's objects lie: two places are the same or one inside the other when they share a root and one's path begins with the other's. */
export interface Place {
  /** The service and bucket, or `file`. */
  readonly root: string;
  /** Ends in `/`, or is empty for a whole bucket. */
  readonly path: string;
}

export function placeOf(settings: ProviderSettings, realPath: RealPath): Place {
  const prefix = settings.prefix ?? '';
  switch (settings.type) {
    case 'filesystem':
      return { root: 'file', path: asDirectory(realLocation(join(settings.path, prefix), realPath)) };
    case 's3':
      return { root: `${serviceOf(settings)} ${settings.bucket}`, path: prefix };
    case 'gcs':
      return { root: `${serviceOf(settings)} ${settings.bucket}`, path: prefix };
    case 'azure':
      return { root: `${serviceOf(settings)} ${settings.container}`, path: prefix };
  }
}

/** Which service the objects are at: `aws`, or a host; undefined for a directory. */
export function serviceOf(settings: ProviderSettings): string | undefined {
  switch (settings.type) {
    case 'filesystem':
      return undefined;
    case 's3':
      return s3Service(settings.endpoint);
    case 'gcs':
      return normalise(settings.endpoint ?? googleEndpoint);
    case 'azure':
      return azureService(settings);
  }
}

export function overlap(a: Place, b: Place): boolean {
  return a.root === b.root && (a.path.startsWith(b.path) || b.path.startsWith(a.path));
}

/** The path without symbolic links, as far as it exists; what does not exist yet is taken as written. */
export function realLocation(path: string, realPath: RealPath): string {
  const absolute = resolve(path);
  try {
    return realPath(absolute);
  } catch {
    const parent = resolve(absolute, '..');
    return parent === absolute ? absolute : join(realLocation(parent, realPath), absolute.slice(parent.length));
  }
}

/** Whether nobody between here and the endpoint can read along: TLS, or this machine. */
export function isPrivate(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint);
  return protocol === 'https:' || isLoopback(hostname);
}

function asDirectory(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

const googleEndpoint = 'https://storage.googleapis.com';
const awsHost = /^s3(?:[.-](?:dualstack\.|fips\.)?[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$/;

/** Bucket names are unique over all of AWS (one partition), so that its regional endpoints are one service. */
function s3Service(endpoint: string | undefined): string {
  if (endpoint === undefined) return 'aws';
  return awsHost.test(new URL(endpoint).hostname) ? 'aws' : normalise(endpoint);
}

/** One spelling per server: no scheme (a server may answer on both), small letters, no default port, no slash at the end. */
function normalise(endpoint: string): string {
  const { hostname, port, pathname } = new URL(endpoint);
  const host = isLoopback(hostname) ? 'localhost' : hostname;
  return `${host}${port === '' ? '' : `:${port}`}${pathname.replace(/\/+$/, '')}`;
}

const emulator = 'http://127.0.0.1:10000/devstoreaccount1';

function azureService({ account, endpoint, connectionString }: AzureSettings): string {
  if (connectionString === undefined) return normalise(endpoint ?? azureEndpoint(account ?? ''));
  const said = parseConnectionString(connectionString.reveal());
  if (said.get('usedevelopmentstorage') === 'true') return normalise(emulator);
  const named = said.get('blobendpoint');
  if (named !== undefined && URL.canParse(named)) return normalise(named);
  return normalise(azureEndpoint(said.get('accountname') ?? '', said.get('endpointsuffix')));
}

function azureEndpoint(account: string, suffix = 'core.windows.net'): string {
  const url = `https://${account}.blob.${suffix}`;
  return URL.canParse(url) ? url : `https://blob.${encodeURIComponent(account)}`;
}

function parseConnectionString(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(';').map((part) => {
    const [key = '', ...value] = part.split('=');
    return [key.trim().toLowerCase(), value.join('=').trim()] as const;
  });
  return new Map(pairs);
}
