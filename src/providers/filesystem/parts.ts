import type { Clock } from '../../objects/clock.ts';
import { Directories } from './directories.ts';
import { Lister } from './list.ts';
import { Locator } from './locate.ts';
import { Locks } from './locks.ts';
import { Files } from './read.ts';
import { Remover } from './remove.ts';
import type { Root } from './root.ts';
import { Sidecars } from './sidecar.ts';
import { Writer } from './write.ts';

export interface PartsOptions {
  readonly follow: boolean;
  readonly clock: Clock;
  readonly maxNames: number;
}

/** Everything that works below one opened root. */
export interface Parts {
  readonly root: Root;
  readonly locator: Locator;
  readonly directories: Directories;
  readonly lister: Lister;
  readonly files: Files;
  readonly writer: Writer;
  readonly remover: Remover;
}

export function partsOf(root: Root, options: PartsOptions): Parts {
  const { follow, clock } = options;
  const locator = new Locator(root, options);
  const directories = new Directories(root, locator);
  const sidecars = new Sidecars(root, directories);
  const shared = { root, locator, directories, sidecars, locks: new Locks(), clock, follow };
  return {
    ...{ root, locator, directories },
    lister: new Lister({ ...shared, maxNames: options.maxNames }),
    files: new Files(shared),
    writer: new Writer(shared),
    remover: new Remover(shared),
  };
}
