import type { Attestation } from '../../../src/objects/evidence.ts';
import type { Key } from '../../../src/objects/key.ts';
import type { Provider } from '../../../src/providers/provider.ts';

/** How the suite gets at an implementation. */
export interface ProviderFixture {
  /** An empty provider of its own (own bucket, own directory), not yet connected. */
  open(): Promise<OpenedProvider>;
  /** A provider whose bucket, container or directory does not exist. */
  openMissing?(): Promise<OpenedProvider>;
  readonly expectations?: Expectations;
}

export interface OpenedProvider {
  readonly provider: Provider;
  /** Another one at the same place, as another process has it, not yet connected. */
  again(): Promise<Provider>;
  /** Closes the provider and removes what was made for it. */
  close(): Promise<void>;
  /** Changes what is stored behind the provider's back. */
  readonly tamper?: {
    /** Other bytes for an existing object, written the way a careless program would: in place where there is such a thing. */
    overwrite(key: Key, bytes: Buffer): Promise<void>;
  };
}

/** What an implementation cannot hold or do, as the values the cases expect. Nothing is skipped on its account. */
export interface Expectations {
  /** Keys that `put` and `startUpload` refuse with `unsupported` or `invalid`. Default: none. */
  readonly refuses?: (key: Key) => boolean;
  /** What `connect('target')` must report. Default: nothing is attested. */
  readonly attests?: { readonly put?: Attestation; readonly upload?: Attestation };
  /** Default: `ordered`. */
  readonly listing?: 'ordered' | 'unordered';
  /** What becomes of a write or delete whose precondition does not hold. Default: `conflict` for all. */
  readonly preconditions?: Partial<Record<'put' | 'upload' | 'delete', 'conflict' | 'ignored'>>;
  /** Of 8 writers racing with `{absent: true}`, exactly one wins. Default: true; false expects at least one. */
  readonly oneWinner?: boolean;
  /** What `head` reports as content type of an object stored without one. Default: none. */
  readonly defaultContentType?: string;
  /** Whether an upload that was left is taken up; where not, it is begun anew. Default: true. */
  readonly resumes?: boolean;
  /** Which unfinished uploads `listUploads` finds. Default: those at the key it is asked for. */
  readonly listsUploads?: 'at key' | 'without key' | 'never';
  /** Objects that take at least two pages to list. Default: 1,200. */
  readonly pageCrossing?: number;
  /** Sets of keys tried by the property test. Default: 30. */
  readonly propertyRuns?: number;
}

export type Expected = Required<Omit<Expectations, 'defaultContentType'>> & Pick<Expectations, 'defaultContentType'>;

export function expectedOf(fixture: ProviderFixture): Expected {
  const given = fixture.expectations ?? {};
  return {
    refuses: () => false,
    attests: {},
    listing: 'ordered',
    oneWinner: true,
    listsUploads: 'at key',
    resumes: true,
    pageCrossing: 1_200,
    propertyRuns: 30,
    ...given,
    preconditions: { put: 'conflict', upload: 'conflict', delete: 'conflict', ...given.preconditions },
  };
}
