import type { Key } from '../../src/objects/key.ts';
import type { Capabilities } from '../../src/providers/provider.ts';
import type { Policy } from '../../src/replication/policy.ts';
import type { DatabaseFault } from './world/database.ts';
import type { Order } from './world/process.ts';
import type { UploadListing } from './world/uploads.ts';
import type { RequestFault } from './world/wire.ts';

/** Everything that happens in a history but for what the program does; made from the seed before it begins. */
export interface Plan {
  readonly seed: number;
  readonly memory: number;
  readonly concurrency: number;
  readonly policy: Pick<Policy, 'minCopies' | 'onCopy' | 'scrub' | 'guard' | 'deleteAfter' | 'history' | 'detect'>;
  readonly source: PlaceSettings;
  readonly targets: readonly PlaceSettings[];
  /** The processes that are kept running, each started again when it ended. */
  readonly slots: readonly Order[];
  /** From when on a process at rest may be woken late, and by how much, in milliseconds. */
  readonly paces: readonly { readonly at: number; readonly mostLate: number }[];
  readonly steps: readonly Step[];
  /** When the faults stop. */
  readonly ends: number;
}

export interface PlaceSettings {
  readonly name: string;
  readonly versions: 'unique' | 'etag';
  readonly keepsReplaced: boolean;
  readonly capabilities: Capabilities;
  readonly pageSize: number;
  readonly chunkSize: number;
  readonly breaksOff: boolean;
  /** Bound of a one-way delay, in milliseconds. */
  readonly latency: number;
  /** Whether the source states checksums of what its users write. */
  readonly states: boolean;
  readonly listsUploads: UploadListing;
  /** Whether it tells which bytes it holds of an upload that was left. */
  readonly comparesParts: boolean;
}

/** `at`: milliseconds since the beginning. */
export type Step = { readonly at: number } & Deed;

export type Deed =
  | { readonly do: 'write'; readonly key: Key; readonly size: number; readonly salt: number }
  | { readonly do: 'remove' | 'touch'; readonly key: Key }
  /** All objects at once: a ransom, a bucket that was emptied. */
  | { readonly do: 'overwrite-all'; readonly salt: number }
  | { readonly do: 'remove-all' }
  /** Another bucket at the source's address. */
  | { readonly do: 'swap-source'; readonly salt: number }
  | { readonly do: 'request'; readonly place: string; readonly fault: RequestFault }
  | { readonly do: 'outage'; readonly place: string; readonly ms: number }
  | { readonly do: 'rot' | 'foreign-write' | 'foreign-delete'; readonly place: string; readonly pick: number }
  | { readonly do: 'set-clock'; readonly ms: number }
  | { readonly do: 'database'; readonly fault: DatabaseFault; readonly times: number }
  | { readonly do: 'crash' | 'drain'; readonly slot: number }
  | { readonly do: 'lose-catalog' }
  | { readonly do: 'decide'; readonly decision: 'released' | 'rejected' };
