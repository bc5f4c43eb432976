import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { requireServer } from './servers.ts';

export interface AzuriteOptions {
  /** Where it keeps the blobs; made if need be. Default: in memory. */
  readonly directory?: string;
  /** The account it serves. Default: the emulator's well-known one. */
  readonly account?: string;
  /** The account's key, base64. Default: the emulator's well-known one. */
  readonly accountKey?: string;
}

export interface Azurite {
  /** The blob service: `http://127.0.0.1:<port>/<account>`. */
  readonly endpoint: string;
  readonly account: string;
  readonly accountKey: string;
  readonly connectionString: string;
  stop(): Promise<void>;
}

/** Published in the documentation of the emulator; no secret. */
const wellKnown = {
  account: 'devstoreaccount1',
  accountKey: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
};

const flags = [
  ...['--silent', '--disableTelemetry'],
  // The SDK speaks a newer version of the protocol than Azurite 3.37 knows.
  '--skipApiVersionCheck',
  ...['--blobHost', '127.0.0.1', '--blobPort', '0'],
];

/** Azurite in a process of its own, on a port of its own. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const { account, accountKey } = { ...wellKnown, ...options };
  const child = spawn(process.execPath, [requireServer('azurite'), ...flags, ...storage(options.directory)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', AZURITE_ACCOUNTS: `${account}:${accountKey}` },
  });
  const endpoint = `${await addressOf(child)}/${account}`;
  return {
    endpoint,
    account,
    accountKey,
    connectionString: connectionString(endpoint, account, accountKey),
    stop: () => stop(child),
  };
}

function storage(directory: string | undefined): string[] {
  return directory === undefined ? ['--inMemoryPersistence', '--extentMemoryLimit', '512'] : ['--location', directory];
}

export function connectionString(endpoint: string, account: string, accountKey: string): string {
  return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};BlobEndpoint=${endpoint};`;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** @throws Error with what it printed, when it ends instead of listening. */
async function addressOf(child: Child): Promise<string> {
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => (printed += String(chunk)));
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    printed += String(chunk);
    const [, address] = /listens on (http:\/\/[\d.]+:\d+)/.exec(printed) ?? [];
    if (address === undefined) continue;
    child.stdout.resume();
    return address;
  }
  throw new Error(`Azurite did not start: ${printed}`);
}

async function stop(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
