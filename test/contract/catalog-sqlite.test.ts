import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteCatalog } from '../../src/catalog/sqlite/open.ts';
import { describeCatalogContract } from './catalog.ts';

describeCatalogContract('sqlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-catalog-'));
  return {
    open: (clock) => openSqliteCatalog({ path: join(directory, 'catalog.db'), clock }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
});
