import { mkdir, writeFile } from 'node:fs/promises';
import type { Version } from '../crash/content.ts';
import { openPlaces, type Place } from '../crash/places.ts';
import { openDesk, type Desk } from '../support/cli.ts';
import { freePort } from '../support/ports.ts';
import { startVersitygw } from '../support/versitygw.ts';
import { bucketSource, directorySource, makeBucket, type Bucket, type Labels, type Source } from './source.ts';

export const policy = 'docs';
/** The catalog as it was after the last pass, for every machine that still has one. */
export const keptCatalog = 'kept.db';
export const c = ['-c', 'holdfast.yaml'];
export const sourceName = 'primary';

/** Four providers, a source, and a machine with Holdfast on it. */
export interface World extends AsyncDisposable {
  /** The machine: configuration and catalog. */
  readonly home: Desk;
  readonly source: Source;
  readonly places: readonly Place[];
  /** The last version that each object had at the source, whether it is still there or not. */
  readonly truth: Map<string, Version & Labels>;
  /** A configuration that cannot reach these. */
  configWithout(lost: ReadonlySet<string>, more?: object): string;
  /** A bucket with nothing in it, at a server that no disaster concerns. Undefined where there is no such server. */
  freshBucket(name: string): Promise<Bucket | undefined>;
}

export type SourceKind = 'filesystem' | 's3';

export async function openWorld(kind: SourceKind): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const home = stack.use(await openDesk());
  const places = await openPlaces(home.directory, stack);
  const beside = await startVersitygw();
  if (beside !== undefined) stack.defer(async () => await beside.stop());
  const originals = kind === 's3' && beside !== undefined ? await makeBucket(beside, 'originals', stack) : undefined;
  if (kind === 's3' && originals === undefined) throw new Error('a source at S3 needs versitygw on PATH');
  const source = originals === undefined ? directorySource(home.at('source')) : bucketSource(originals);
  // Not merely no directory: a target would make it.
  await home.write('disk-gone', 'a file where the directory was');
  // A port that was free a moment ago: nobody answers there.
  const nobody = `http://127.0.0.1:${await freePort()}`;
  const settings = new Map<string, object>([
    [sourceName, source.settings],
    ...places.map((place) => [place.name, place.settings] as const),
  ]);
  const kept = stack.move();
  return {
    home,
    source,
    places,
    truth: new Map(),
    configWithout: (lost, more = {}) => configOf(settings, lost, nobody, more),
    freshBucket: async (name) => (beside === undefined ? undefined : await makeBucket(beside, name, kept)),
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

function configOf(
  settings: ReadonlyMap<string, object>,
  lost: ReadonlySet<string>,
  nobody: string,
  more: object,
): string {
  const providers = Array.from(
    settings,
    ([name, own]) => [name, lost.has(name) ? gone(name, own, nobody) : own] as const,
  );
  const targets = [...settings.keys()].filter((name) => name !== sourceName);
  // JSON is YAML.
  return JSON.stringify({
    catalog: 'sqlite:./catalog.db',
    providers: { ...Object.fromEntries(providers), ...more },
    policies: [{ name: policy, source: sourceName, targets, minCopies: 2 }],
    http: { listen: '127.0.0.1:0' },
  });
}

interface Settings {
  readonly type?: string;
  readonly path?: string;
  readonly connectionString?: string;
}

/** The same provider after its end: a file is where the disk was, nobody listens, the account has no such container. */
function gone(name: string, settings: Settings, nobody: string): object {
  if (settings.type === 'filesystem') return { ...settings, path: `${settings.path ?? ''}-gone` };
  if (settings.type === 'azure') return { ...settings, container: 'gone' };
  // Two places must not be the same one, be it only in name.
  return { ...settings, endpoint: nobody, bucket: `${name}-gone` };
}

/** Another machine, with a configuration and nothing else. */
export async function newMachine(config: string): Promise<Desk> {
  const desk = await openDesk();
  await mkdir(desk.at('back'), { recursive: true });
  await writeFile(desk.at('holdfast.yaml'), config);
  return desk;
}
