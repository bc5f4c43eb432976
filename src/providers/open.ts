import type { Clock, Random } from '../objects/clock.ts';
import type { Key } from '../objects/key.ts';
import type { ExaminableProvider } from './examination.ts';
import type { Threads } from './filesystem/threads.ts';
import { limited, type Bandwidth } from './bandwidth.ts';
import { encodedKeys } from './encoded-keys.ts';
import { observed, type OnRequest } from './observed.ts';
import { ordered } from './ordered.ts';
import type { LimitSettings, ProviderLimits } from './limits.ts';
import { patient } from './patient.ts';
import { placed } from './placed.ts';
import { prefixed } from './prefixed.ts';
import { ranged } from './ranged.ts';
import type { MonitoredProvider, Provider } from './provider.ts';
import { resilient } from './resilient.ts';
import type { ProxyEnvironment, SocketTimeouts } from './sockets.ts';
import { requestTimeouts, usualTimeouts, type Timeouts } from './timeouts.ts';

/** What the settings of every provider may have. */
interface Common {
  readonly prefix?: string;
  /** As it begins; `ProviderSurroundings.limits` is what holds. */
  readonly limits?: LimitSettings;
  readonly timeouts?: Partial<Timeouts>;
}

/** Where a provider is and who may use it: the settings of the configuration, secrets revealed. */
export type ProviderSettings = Common &
  (
    | { readonly type: 'filesystem'; readonly path: string; readonly symlinks?: 'skip' | 'follow' }
    | ({ readonly type: 's3' } & Omit<import('./s3/options.ts').S3Options, Given>)
    | ({ readonly type: 'gcs' } & Omit<import('./gcs/gcs.ts').GcsOptions, Given>)
    | ({ readonly type: 'azure' } & Omit<import('./azure/options.ts').AzureOptions, Given>)
  );

type Given = 'name' | 'clock' | 'root' | 'proxyEnv' | 'timeouts';

export interface ProviderSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly onRequest: OnRequest;
  /** What all providers share. */
  readonly bandwidth?: Bandwidth;
  /** What this one may be asked for. */
  readonly limits?: ProviderLimits;
  /** Where its keys lie, in words that change when the place does: an upload goes on only where it was begun. */
  readonly place?: string;
  /** Those that all filesystems of the process share. */
  readonly threads?: Threads;
  /** The place's identity, once another thread of the process has reached it: no other place is used instead. */
  readonly known?: () => string | undefined;
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
  const { call = usualTimeouts.call, idle = usualTimeouts.idle } = settings.timeouts ?? {};
  // Inside the limits, so that waiting for one's turn is not taken for a stall; every attempt is paid for.
  const timed = patient(counted, { clock: surroundings.clock, request: requestTimeouts(call), idle });
  const steady = resilient(paced(timed, surroundings), surroundings);
  const keyed = withKeys(ordered(steady), bare, settings.prefix, surroundings.limits);
  return { ...placed(keyed, surroundings.place ?? settings.type), health: () => steady.health() };
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

/** Its own turn first: who waits for that takes nothing of what all share. */
function paced(provider: Provider, { bandwidth, limits }: ProviderSurroundings): Provider {
  const shared = bandwidth === undefined ? provider : limited(provider, bandwidth);
  return limits === undefined ? shared : limits.around(shared);
}

function withKeys(
  provider: Provider,
  bare: Bare,
  prefix: string | undefined,
  limits: ProviderLimits | undefined,
): Provider {
  const within = bare.wantsPrefix && prefix !== undefined ? prefix : '';
  const below = within === '' ? provider : prefixed(provider, within);
  const room = bare.maxKeyBytes - Buffer.byteLength(within);
  const byRanges = ranged(below, (most) => limits?.rangesAtOnce(most) ?? most);
  return encodedKeys(byRanges, (key) => bare.canHold(within + key), room);
}

/** S3 and GCS count bytes, Azure characters. */
const longestKey = 1024;

async function openBare(
  name: string,
  { prefix = '', limits: _, timeouts, ...settings }: ProviderSettings,
  { clock, threads, known, proxyEnv }: ProviderSurroundings,
): Promise<Bare> {
  const sockets = socketTimeouts(timeouts);
  const given = { name, clock, root: prefix, timeouts: sockets, ...(proxyEnv && { proxyEnv }) };
  switch (settings.type) {
    case 'filesystem': {
      const { openFilesystem } = await import('./filesystem/filesystem.ts');
      // It finds a place for every key by itself, in directories that may be shared with other programs.
      const provider = openFilesystem(
        { name, prefix, ...settings },
        { clock, ...(threads && { threads }), ...(known && { known }) },
      );
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

/** Only what was set: what is usual for sockets differs a little between the SDKs. */
function socketTimeouts({ connect, idle }: Partial<Timeouts> = {}): Partial<SocketTimeouts> {
  return { ...(connect !== undefined && { connectMs: connect }), ...(idle !== undefined && { idleMs: idle }) };
}
