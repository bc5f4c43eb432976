import type { LimitedConfig, Share } from '../shares.ts';
import type { Reached } from '../providers/once-reached.ts';
import type { LogLevel } from '../telemetry/log.ts';
import type { MetricEvents } from '../telemetry/metrics.ts';
import type { Failure } from './failure.ts';

/** What a worker thread is begun with. */
export interface Beginning {
  /** See `config/transfer.ts`. */
  readonly config: object;
  readonly lacking: ReadonlyMap<string, string>;
  readonly log: { readonly level: LogLevel; readonly pretty: boolean };
  /** See `SharedBytes`: counts the bytes in flight of all threads. */
  readonly bytes: SharedArrayBuffer;
  /** The same of those for each target while it is behind. */
  readonly parts: ReadonlyMap<string, SharedArrayBuffer>;
  /** Counted from 1; 0 is the main thread. No two that live at the same time have the same. */
  readonly number: number;
  readonly share: Share;
  /** How many threads of the process may work at once, this one and the main one among them. */
  readonly most: number;
  /** Whether what cannot be recorded is tried until it can be, as in the main thread. */
  readonly outlasts: boolean;
}

/** To a worker thread. */
export type Order =
  | {
      readonly kind: 'work';
      readonly policies: readonly string[];
      readonly prefix: string | undefined;
      readonly dueBefore: number | undefined;
      readonly reached: Reached;
    }
  /** The main thread has reached other places, too. */
  | { readonly kind: 'reached'; readonly reached: Reached }
  | { readonly kind: 'due-before'; readonly dueBefore: number | undefined }
  /** `dealt` follows when no more is under way than that allows. */
  | { readonly kind: 'limits'; readonly limits: LimitedConfig; readonly share: Share }
  /** Begin nothing new; `ended` follows. */
  | { readonly kind: 'stop' }
  /** Give up what is in flight. */
  | { readonly kind: 'abort' }
  /** Close everything and end the thread. */
  | { readonly kind: 'close' };

export type MetricCall = {
  [Name in keyof MetricEvents]: readonly [Name, ...Parameters<MetricEvents[Name]>];
}[keyof MetricEvents];

/** From a worker thread. */
export type Word =
  /** The first one says that it has begun. */
  | {
      readonly kind: 'news';
      readonly metrics: readonly MetricCall[];
      /** By how much each count of the tally grew. */
      readonly done: Readonly<Record<string, number>>;
      /** Objects under way. */
      readonly pending: number;
    }
  /** So many orders about limits hold by now. */
  | { readonly kind: 'dealt'; readonly times: number }
  /** The work ended; `failure`: by what, when it was not asked to. */
  | { readonly kind: 'ended'; readonly failure: Failure | undefined };
