import type { Clock, Random } from '../objects/clock.ts';
import type { Key } from '../objects/key.ts';
import type { ExaminableProvider } from './examination.ts';
import { limited, type Bandwidth } from './bandwidth.ts';
import { encodedKeys } from './encoded-keys.ts';
import { observed, type OnRequest } from './observed.ts';
import { ordered } from './ordered.ts';
import { patient } from './patient.ts';
import { prefixed } from './prefixed.ts';
import type { MonitoredProvider, Provider } from './provider.ts';
import { resilient } from './resilient.ts';
import type { ProxyEnvironment } from './sockets.ts';

/** Where a provider is and who may use it: the settings of the configuration, secrets revealed. */
export type ProviderSettings =
  | {
      readonly type: 'filesystem';
      readonly path: string;
      readonly symlinks?: 'skip' | 'follow';
      readonly prefix?: string;
    }
  | ({ readonly type: 's3'; readonly prefix?: string } & Omit<import('./s3/options.ts').S3Options, Given>)
  | ({ readonly type: 'gcs'; readonly prefix?: string } & Omit<import('./gcs/gcs.ts').GcsOptions, Given>)
  | ({ readonly type: 'azure'; readonly prefix?: string } & Omit<import('./azure/options.ts').AzureOptions, Given>);

type Given = 'name' | 'clock' | 'root' | 'proxyEnv';

export interface ProviderSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly onRequest: OnRequest;
  readonly bandwidth?: Bandwidth;
  /** The environment, for the proxy it names (`HTTPS_PROXY`, `NO_PROXY`). Azure's SDK looks there by itself. */
  readonly proxyEnv?: ProxyEnvironment;
}

/** A provider and what its keys must be like; every other concern is a decorator round it. */
interface Bare {
  readonly provider: ExaminableProvider;
  canHold(key: Key): boolean;
  readonly maxKeyBytes: number;
  /** False where the provider takes its prefix itself. */
  readonly wantsPrefix: boolean;
}

/** Opens a provider with everything round it that all providers have in common. SDKs load only when asked for. */
export async function openProvider(
  name: string,
  settings: ProviderSettings,
  surroundings: ProviderSurroundings,
): Promise<MonitoredProvider> {
  const bare = await openBare(name, settings, surroundings);
  const counted = observed(bare.provider, surroundings.onRequest);
  // Inside the rate limit, so that waiting for bandwidth is not taken for a stall; every attempt is paid for.
  const timed = patient(counted);
  const paced = surroundings.bandwidth === undefined ? timed : limited(timed, surroundings.bandwidth);
  const steady = resilient(paced, surroundings);
  const keyed = withKeys(ordered(steady), bare, settings.prefix);
  return { ...keyed, health: () => steady.health() };
}

/** Opens a provider to be examined: its requests reach it as they are, with nobody's prefix or encoding in between. */
export async function openExaminable(
  name: string,
  settings: ProviderSettings,
  surroundings: ProviderSurroundings,
): Promise<ExaminableProvider> {
  const { provider } = await openBare(name, settings, surroundings);
  const steady = resilient(patient(observed(provider, surroundings.onRequest)), surroundings);
  return {
    ...steady,
    // What `connect` proved stays known to the provider, so that an examination begins with it in any case.
    examine: async (options, signal) => {
      await steady.connect(options.role, signal);
      return await provider.examine(options, signal);
    },
  };
}

function withKeys(provider: Provider, bare: Bare, prefix: string | undefined): Provider {
  const within = bare.wantsPrefix && prefix !== undefined ? prefix : '';
  const below = within === '' ? provider : prefixed(provider, within);
  const room = bare.maxKeyBytes - Buffer.byteLength(within);
  return encodedKeys(below, (key) => bare.canHold(within + key), room);
}

/** S3 and GCS count bytes, Azure characters. */
const longestKey = 1024;

async function openBare(
  name: string,
  { prefix = '', ...settings }: ProviderSettings,
  { clock, proxyEnv }: ProviderSurroundings,
): Promise<Bare> {
  const given = { name, clock, root: prefix, ...(proxyEnv && { proxyEnv }) };
  switch (settings.type) {
    case 'filesystem': {
      const { openFilesystem } = await import('./filesystem/filesystem.ts');
      // It finds a place for every key by itself, in directories that may be shared with other programs.
      const provider = openFilesystem({ name, prefix, ...settings }, { clock });
      return { provider, canHold: () => true, maxKeyBytes: Number.MAX_SAFE_INTEGER, wantsPrefix: false };
    }
    case 's3': {
      const { canHoldKey, openS3 } = await import('./s3/s3.ts');
      const provider = await openS3({ ...settings, ...given });
      return { provider, canHold: canHoldKey, maxKeyBytes: longestKey, wantsPrefix: true };
    }
    case 'gcs': {
      const { canHoldKey, openGcs } = await import('./gcs/gcs.ts');
      const provider = openGcs({ ...settings, ...given });
      return { provider, canHold: canHoldKey, maxKeyBytes: longestKey, wantsPrefix: true };
    }
    case 'azure': {
      const { canHoldKey, openAzure } = await import('./azure/azure.ts');
      const provider = await openAzure({ ...settings, ...given });
      return { provider, canHold: canHoldKey, maxKeyBytes: longestKey, wantsPrefix: true };
    }
  }
}
