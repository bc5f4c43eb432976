import { newestSchema } from '../../../src/catalog/sqlite/migrate.ts';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../../src/objects/clock.ts';
import { temporaryCatalog } from './temporary-catalog.ts';

const program = fileURLToPath(new URL('open-and-count.ts', import.meta.url));

test('processes that start together make one schema, and all write', async () => {
  await using place = await temporaryCatalog();
  const processes = Array.from({ length: 4 }, (_, index) => start(place.path, `p${index}`, 20));
  const exits = await Promise.all(processes.map(async (child) => (await once(child, 'exit'))[0] as unknown));
  expect(exits).toEqual([0, 0, 0, 0]);
  await using catalog = await openSqliteCatalog({ path: place.path, clock: systemClock });
  expect((await catalog.counts('p')).objects).toBe(80);
  using db = new DatabaseSync(place.path);
  expect(db.prepare('select count(*) as n, max(number) as newest from migrations').get()).toEqual({
    n: newestSchema,
    newest: newestSchema,
  });
});

test('what a killed process was told is done is there', async () => {
  await using place = await temporaryCatalog();
  const child = start(place.path, 'k', 1_000_000);
  const told: string[] = [];
  for await (const line of createInterface({ input: requireOutput(child) })) {
    told.push(line);
    if (told.length === 50) child.kill('SIGKILL');
  }
  await using catalog = await openSqliteCatalog({ path: place.path, clock: systemClock });
  for (const key of told) expect(await catalog.inspect('p', key)).toBeDefined();
  await catalog.syncPolicies([{ name: 'p', source: 's', targets: ['t', 'u'], minCopies: 1 }], { forget: true });
});

function start(path: string, prefix: string, count: number): ChildProcess {
  return spawn(process.execPath, [program, path, prefix, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
}

function requireOutput(child: ChildProcess): NodeJS.ReadableStream {
  if (child.stdout === null) throw new Error('the process has no output');
  return child.stdout;
}
