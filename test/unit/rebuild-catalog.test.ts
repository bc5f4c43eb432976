import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { UsageError } from '../../src/objects/errors.ts';
import { rebuildCatalog, type CatalogRebuild } from '../../src/rebuild.ts';
import { reconcile } from '../../src/replication/reconcile.ts';
import { Replicator } from '../../src/replicator.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';

const calm = new AbortController().signal;
const around = { log: silentLog, metrics: noMetrics };

class Home implements AsyncDisposable {
  readonly path: string;
  readonly config: Config;

  constructor(path: string, config: Config) {
    this.path = path;
    this.config = config;
  }

  get catalog(): string {
    return join(this.path, 'catalog.db');
  }

  async write(key: string, text: string): Promise<void> {
    await writeFile(join(this.path, 'source', key), text);
  }

  async pass(): Promise<void> {
    await using open = await Replicator.open(this.config, around, { forget: true });
    const [policy] = open.policies;
    if (policy === undefined) throw new Error('it is configured');
    await reconcile(open.engine, policy, { deep: false, dryRun: false, onProgress: () => undefined }, calm);
  }

  async loseCatalog(): Promise<void> {
    for (const ending of ['', '-wal', '-shm']) await rm(this.catalog + ending, { force: true });
  }

  async rebuild(onProgress: () => void = () => undefined): Promise<CatalogRebuild> {
    const options = { deep: false, replace: false, snapshot: false, onProblem: () => undefined, onProgress };
    return await rebuildCatalog(this.config, around, options, calm);
  }

  /** What a command beside a daemon sees. */
  objects(): unknown {
    using db = new DatabaseSync(this.catalog);
    const sound = db.prepare('pragma quick_check(1)').get()?.['quick_check'];
    return { sound, objects: db.prepare('select count(*) as n from objects').get()?.['n'] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

/** What one target keeps below `.holdfast/`. */
async function keptTexts(home: Home): Promise<string[]> {
  const all = await readdir(join(home.path, 'one/.holdfast'), { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => entry.isFile());
  return await Promise.all(files.map(async ({ parentPath, name }) => await readFile(join(parentPath, name), 'utf8')));
}

async function openHome(policy = ''): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-rebuild-'));
  await mkdir(join(path, 'source'));
  const file = join(path, 'holdfast.yaml');
  await writeFile(
    file,
    `catalog: sqlite:${path}/catalog.db
providers:
  src: { type: filesystem, path: ${path}/source }
  one: { type: filesystem, path: ${path}/one }
  two: { type: filesystem, path: ${path}/two }
policies:
  - { name: docs, source: src, targets: [one, two], minCopies: 1${policy} }
`,
  );
  return new Home(path, loadConfig(file).config);
}

const arrived = { version: 'v', size: 1, modifiedAt: 1 };

test.each(['works on', 'has ended'])(
  'the catalog of a daemon that was started during a rebuild, and %s, is not replaced',
  async (how) => {
    await using home = await openHome();
    for (let i = 0; i < 10; i += 1) await home.write(`k${i}`, `bytes ${i}`);
    await home.pass();
    await home.loseCatalog();
    const started = Promise.withResolvers<Replicator>();
    let starting: Promise<void> | undefined;
    const rebuilding = home.rebuild(() => {
      starting ??= Replicator.open(home.config, around, { forget: true }).then(started.resolve, started.reject);
    });
    const end = rebuilding.then(
      () => undefined,
      (error: unknown) => error,
    );
    {
      await using daemon = await started.promise;
      const { catalog } = daemon.engine;
      await catalog.record('docs', [{ kind: 'new', key: 'n', object: arrived, found: {} }]);
      if (how === 'works on') await end;
      await catalog.record('docs', [{ kind: 'new', key: 'later', object: arrived, found: {} }]);
    }
    expect(await end).toBeInstanceOf(UsageError);
    expect(home.objects()).toEqual({ sound: 'ok', objects: 2 });
    expect((await readdir(home.path)).filter((name) => name.startsWith('catalog.db.'))).toEqual([]);
  },
);

test('what a file that is gone left of its log is not taken for the log of the new one', async () => {
  await using home = await openHome();
  await home.write('a', 'bytes');
  await home.pass();
  await home.loseCatalog();
  await writeFile(`${home.catalog}-wal`, 'of another file');
  expect(await home.rebuild()).toMatchObject({ aside: null });
  const left = (await readdir(home.path)).filter((name) => /^catalog\.db\.replaced-.*-wal$/.test(name));
  expect(left.length).toBe(1);
  expect(home.objects()).toEqual({ sound: 'ok', objects: 1 });
});

test('what a filesystem keeps of a file that was old already outlives a rebuild', async () => {
  await using home = await openHome(', history: 30d');
  const years = new Date('2020-01-01');
  await home.write('a', 'version 1');
  await utimes(join(home.path, 'source/a'), years, years);
  await home.pass();
  await home.write('a', 'VERSION 2, longer');
  for (const _ of [1, 2]) await home.pass();
  expect(await keptTexts(home)).toContain('version 1');
  await home.loseCatalog();
  expect(await home.rebuild()).toMatchObject({ policies: [{ kept: 2 }] });
  await home.pass();
  expect(await keptTexts(home)).toContain('version 1');
});
