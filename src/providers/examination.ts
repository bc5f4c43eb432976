import type { Clock } from '../objects/clock.ts';
import type { Provider, ProviderLimits, ProviderRole } from './provider.ts';

/**
 * A provider that can be examined: what it does, what protects what it holds, and what its credentials allow, found
 * out by doing it. Guarantees (cases of `test/contract/examination.ts`):
 *
 * - As a `source` it writes nothing.
 * - As a `target` it touches nothing but canaries of its own: below `.holdfast/probe/`, and, to see whether the
 *   credentials reach further than the prefix, one `.holdfast-probe-<random>` above it.
 * - Whether users' objects may be deleted it tries on a key at which nothing stands: `.holdfast-probe-<random>` below the prefix.
 * - Canaries are removed again; what could not be removed is named in `left`.
 * - What could not be found out is answered `not-told` or `not-tried`, never guessed.
 */
export interface ExaminableProvider extends Provider {
  /** @throws ProviderError when the provider cannot be reached at all. */
  examine(options: ExamineOptions, signal: AbortSignal): Promise<Examination>;
}

export interface ExamineOptions {
  readonly role: ProviderRole;
  readonly clock: Clock;
}

export interface Examination {
  readonly answers: readonly Answer[];
  /** What documentation declares; nobody tried that much. */
  readonly limits: ProviderLimits;
  /** What stays behind, for a person to read. */
  readonly left: readonly string[];
}

export interface Answer {
  readonly question: Question;
  readonly answer: Verdict;
  readonly detail?: string;
}

/** What is asked, in the order in which it is told. */
export const questions = [
  // Its work.
  'list',
  'read',
  'write',
  'overwrite',
  'upload',
  'abort-upload',
  // Below `.holdfast/`, and of users' objects.
  'delete',
  'delete-objects',
  // What can be relied on.
  'put-checksum',
  'upload-checksum',
  'conditional-create',
  'conditional-overwrite',
  'conditional-delete',
  'listing-order',
  'reserved-hidden',
  'same-clock',
  // What protects what it holds.
  'versioning',
  'retention',
  'soft-delete',
  // What the credentials allow beyond their work.
  'delete-versions',
  'shorten-retention',
  'change-settings',
  'write-outside',
  'list-outside',
  'list-buckets',
  // Of a filesystem.
  'same-device',
  'hard-links',
  'fsync',
  'case-kept',
  'names-kept',
  'time-resolution',
  'free-space',
  'write-root',
  'foreign-writers',
  'superuser',
] as const;

export type Question = (typeof questions)[number];

export type Verdict =
  /** A checksum: the server checks it and tells what it stored; it repeats what it was told; it does not look at it. */
  | 'attested'
  | 'echoed'
  | 'ignored'
  /** A precondition; `ignored` is its opposite. */
  | 'enforced'
  /** An order of listing. */
  | 'byte-order'
  | 'other-order'
  /** A right. */
  | 'allowed'
  | 'denied'
  /** Something that works, or does not. */
  | 'yes'
  | 'no'
  /** A protection of the bucket. */
  | 'on'
  | 'off'
  /** The server or the credentials do not say. */
  | 'not-told'
  /** Finding out would change something that is not ours, or makes no sense here. */
  | 'not-tried';

export type Finding = Omit<Answer, 'question'>;
