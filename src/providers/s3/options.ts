import type { Clock } from '../../objects/clock.ts';
import type { ProxyEnvironment } from '../sockets.ts';

export interface S3Options {
  /** The provider's name in the configuration. */
  readonly name: string;
  readonly bucket: string;
  /** Default: the SDK's own chain (AWS_REGION, profile); `us-east-1` where an endpoint is given. */
  readonly region?: string;
  /** The server's URL; default: AWS. */
  readonly endpoint?: string;
  /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`. Most S3-compatible servers want it. */
  readonly forcePathStyle?: boolean;
  /** Default: the SDK's own chain (environment, profile, container, instance). */
  readonly credentials?: S3Credentials;
  /** Where Holdfast's own objects go: `<root>.holdfast/…`. For credentials that may only write below a prefix. Default: ''. */
  readonly root?: string;
  readonly clock?: Clock;
  /** The environment, for the proxy it names. */
  readonly proxyEnv?: ProxyEnvironment;
  /** How long to wait for a connection (10 s) and for the next byte (60 s), in milliseconds. */
  readonly timeouts?: { readonly connectMs?: number; readonly idleMs?: number };
  /** Objects asked for in one page of a listing; at most 1,000, which is the default. */
  readonly pageSize?: number;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}
