import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of its own and the path of a catalog in it, which is not there yet. */
export interface TemporaryCatalog extends AsyncDisposable {
  readonly directory: string;
  readonly path: string;
}

export async function temporaryCatalog(): Promise<TemporaryCatalog> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-sqlite-'));
  return {
    directory,
    path: join(directory, 'catalog.db'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
