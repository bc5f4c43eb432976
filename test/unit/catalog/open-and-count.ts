import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../../src/objects/clock.ts';

/** A process that opens the catalog named in its first argument, records `count` objects below its own prefix, and says so. */
const [path = '', prefix = '', count = '0'] = process.argv.slice(2);
await using catalog = await openSqliteCatalog({ path, clock: systemClock });
await catalog.syncPolicies([{ name: 'p', source: 's', targets: ['t'], minCopies: 1 }], { forget: true });
for (let index = 0; index < Number(count); index++) {
  const object = { version: 'v', size: 1, modifiedAt: 1 };
  await catalog.record('p', [{ kind: 'new', key: `${prefix}/${index}`, object, found: {} }]);
  process.stdout.write(`${prefix}/${index}\n`);
}
