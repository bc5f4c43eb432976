import type { Clock } from '../../objects/clock.ts';

/**
 * Where the container is and who may use it. Credentials, the first that is given: `connectionString`; `account` with
 * `accountKey`; `account` with `sasToken`; `account` alone: the Azure identity chain (environment, workload identity,
 * managed identity, Azure CLI, …).
 */
export interface AzureOptions {
  /** The provider's name in the configuration. */
  readonly name: string;
  readonly container: string;
  readonly connectionString?: string;
  readonly account?: string;
  /** Base64, as the portal shows it. */
  readonly accountKey?: string;
  /** With or without the leading `?`. */
  readonly sasToken?: string;
  /** The blob service's URL; default: `https://<account>.blob.core.windows.net`. */
  readonly endpoint?: string;
  /** Where Holdfast's own objects go: `<root>.holdfast/…`. Default: ''. */
  readonly root?: string;
  readonly clock?: Clock;
  /** How long to wait for a connection (10 s) and for the next byte of an answer (120 s), in milliseconds. */
  readonly timeouts?: { readonly connectMs?: number; readonly idleMs?: number };
  /** Objects asked for in one page of a listing; at most 5,000, which is the default. */
  readonly pageSize?: number;
}
