import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { openSqliteCatalog } from '../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../src/objects/clock.ts';
import { openDesk, type Desk, type Running } from './cli.ts';
import { FakeS3 } from './fake-s3/fake-s3.ts';
import { Gate } from './gate.ts';

export const outageKinds = ['dead', 'throttling', 'black-hole'] as const;

/** `dead`: connections are refused; `throttling`: 503 SlowDown with Retry-After; `black-hole`: no answer to anything. */
export type OutageKind = (typeof outageKinds)[number];

export interface OutageOptions {
  readonly kind: OutageKind;
  /** How long one target is away. */
  readonly seconds: number;
  /** How long all is well before, and again after it caught up. */
  readonly calm: number;
  /** Objects per second that arrive at the source all the while. */
  readonly rate: number;
  /** Bytes of an object; every hundredth has `large`. */
  readonly size: number;
  readonly large: number;
}

/** Seconds from an object's arrival until its copies were recorded as verified, over the three healthy targets. */
export interface Lag {
  readonly copies: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

export interface OutageReport {
  readonly before: Lag;
  readonly outage: Lag;
  readonly after: Lag;
  /** Objects that arrived, and copies at the fourth target that are verified in the end. */
  readonly objects: number;
  readonly fourth: number;
  readonly caughtUpSeconds: number;
  readonly peakBytes: number;
  /** What health said of the fourth during the outage. */
  readonly state: string;
}

const healthy = ['one', 'two', 'three'];

/** A daemon with four targets, of which one has an outage: the same process, before, during and after it. */
export async function runOutage(options: OutageOptions): Promise<OutageReport> {
  await using stack = new AsyncDisposableStack();
  const desk = stack.use(await openDesk());
  const servers = await Promise.all(['three', 'four'].map(async () => stack.use(await new FakeS3().listen())));
  const [third, fourth] = servers;
  if (third === undefined || fourth === undefined) throw new Error('there are two servers');
  const gate = stack.use(await Gate.before(fourth.access.endpoint));
  await desk.write('holdfast.yaml', configuration(third.access.endpoint, gate.url));
  const running = desk.start(['daemon', '-c', 'holdfast.yaml', '--log-level', 'error']);
  const [, port = ''] = await running.says(/:(\d+)\/health/);
  const daemon = `http://127.0.0.1:${port}`;
  const arrivals = new Arrivals(desk, options);
  await arrivals.during(options.calm);
  const from = systemClock.now();
  const end = await begun(options.kind, gate, fourth);
  await arrivals.during(options.seconds);
  const state = await stateOf(daemon, 'four');
  await end();
  const caughtUpSeconds = await untilVerified(daemon, arrivals.arrived.size);
  const until = systemClock.now();
  await arrivals.during(options.calm);
  await untilVerified(daemon, arrivals.arrived.size);
  const peakBytes = await peakOf(running);
  await running.signal('SIGTERM');
  const { arrived } = arrivals;
  return { ...(await lags(desk, arrived, { from, until })), caughtUpSeconds, peakBytes, state, objects: arrived.size };
}

function configuration(third: string, fourth: string): string {
  const s3 = (endpoint: string): string =>
    `{ type: s3, bucket: bucket, region: us-east-1, endpoint: '${endpoint}', forcePathStyle: true, credentials: { accessKeyId: fake, secretAccessKey: secret } }`;
  return [
    'catalog: sqlite:./catalog.db',
    'providers:',
    '  primary: { type: filesystem, path: ./source }',
    '  one: { type: filesystem, path: ./one }',
    '  two: { type: filesystem, path: ./two }',
    `  three: ${s3(third)}`,
    `  four: ${s3(fourth)}`,
    'policies:',
    '  - { name: docs, source: primary, targets: [one, two, three, four], minCopies: 1, detect: { every: 500ms, full: 30s } }',
    'http: { listen: 127.0.0.1:0 }',
  ].join('\n');
}

/** @returns how to end it. */
async function begun(kind: OutageKind, gate: Gate, server: FakeS3): Promise<() => Promise<void>> {
  if (kind === 'throttling') {
    const lift = server.inject({ fault: { status: 503, code: 'SlowDown', headers: { 'retry-after': '3' } } });
    return async () => lift();
  }
  await gate.set(kind === 'dead' ? 'closed' : 'silent');
  return async () => await gate.set('open');
}

class Arrivals {
  /** When each object came, in milliseconds since the epoch. */
  readonly arrived = new Map<string, number>();
  readonly #desk: Desk;
  readonly #options: OutageOptions;

  constructor(desk: Desk, options: OutageOptions) {
    this.#desk = desk;
    this.#options = options;
  }

  async during(seconds: number): Promise<void> {
    const { rate, size, large } = this.#options;
    const from = performance.now();
    for (let count = 0; count < seconds * rate; count += 1) {
      const number = this.arrived.size;
      const key = `${number % 10}/${number}`;
      await this.#desk.write(`source/${key}`, Buffer.alloc(number % 100 === 99 ? large : size, key));
      this.arrived.set(key, systemClock.now());
      await delay(Math.max(0, from + ((count + 1) / rate) * 1000 - performance.now()));
    }
  }
}

async function stateOf(daemon: string, provider: string): Promise<string> {
  const { providers } = await statusOf(daemon);
  return providers.find((candidate) => candidate.provider === provider)?.state ?? 'unknown';
}

interface Told {
  readonly providers: readonly { readonly provider: string; readonly state: string }[];
  readonly policies: readonly { readonly copies: Readonly<Record<string, { readonly verified: number }>> }[];
}

async function statusOf(daemon: string): Promise<Told> {
  return (await (await fetch(`${daemon}/api/v1/status`)).json()) as Told;
}

/** @returns the seconds until every target has all objects. */
async function untilVerified(daemon: string, objects: number): Promise<number> {
  const from = performance.now();
  for (;;) {
    const { policies } = await statusOf(daemon);
    const copies = policies[0]?.copies ?? {};
    if ([...healthy, 'four'].every((target) => copies[target]?.verified === objects)) break;
    await delay(250);
  }
  return (performance.now() - from) / 1000;
}

async function peakOf({ child }: Running): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

async function lags(
  desk: Desk,
  arrived: ReadonlyMap<string, number>,
  outage: { readonly from: number; readonly until: number },
): Promise<Pick<OutageReport, 'before' | 'outage' | 'after' | 'fourth'>> {
  await using catalog = await openSqliteCatalog({ path: desk.at('catalog.db'), clock: systemClock });
  const [before, during, after]: [number[], number[], number[]] = [[], [], []];
  let fourth = 0;
  for await (const page of catalog.scan('docs', {})) {
    for (const { key, copies } of page) {
      const at = arrived.get(key) ?? 0;
      const phase = at < outage.from ? before : at < outage.until ? during : after;
      for (const { target, state, updatedAt } of copies) {
        if (target === 'four') fourth += state === 'verified' ? 1 : 0;
        else phase.push((updatedAt - at) / 1000);
      }
    }
  }
  return { before: lagOf(before), outage: lagOf(during), after: lagOf(after), fourth };
}

function lagOf(seconds: readonly number[]): Lag {
  const sorted = seconds.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { copies: sorted.length, median: at(0.5), p95: at(0.95), max: at(1) };
}
