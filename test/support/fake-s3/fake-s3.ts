import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Faults } from './faults.ts';
import type { FaultRule } from './faults.ts';
import { perform } from './operations.ts';
import type { Operation, S3Request } from './request.ts';
import { readRequest } from './request.ts';
import { send, silence } from './send.ts';
import type { Bucket, StoredObject } from './store.ts';
import { newBucket, plainObject } from './store.ts';

export type { Fault, FaultRule } from './faults.ts';
export type { Operation, S3Request } from './request.ts';
export type { StoredObject } from './store.ts';

export interface FakeS3Options {
  /** Buckets that exist from the start. Default: `bucket`. */
  readonly buckets?: readonly string[];
  /** The most entries of a listing's page. Default: 1,000. */
  readonly pageSize?: number;
  /** The least bytes of every part but the last. Default: 5 MiB. */
  readonly minPartSize?: number;
}

/** What `openS3` takes to reach the fake; add `name` and `bucket`. */
interface Access {
  readonly endpoint: string;
  readonly region: string;
  readonly forcePathStyle: true;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/**
 * An S3 server in memory that does what AWS documents, until it is told to misbehave. It checks every checksum it
 * is sent and no signature.
 */
export class FakeS3 implements AsyncDisposable {
  readonly #server = createServer((message, response) => void this.#serve(message, response));
  readonly #buckets = new Map<string, Bucket>();
  readonly #faults = new Faults();
  readonly #options: FakeS3Options;
  readonly #open = new Set<ServerResponse>();
  #requests: S3Request[] = [];

  constructor(options: FakeS3Options = {}) {
    this.#options = options;
    for (const name of options.buckets ?? ['bucket']) this.#buckets.set(name, newBucket());
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get access(): Access {
    const { port } = this.#server.address() as AddressInfo;
    return {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'fake', secretAccessKey: 'secret' },
    };
  }

  /** Misbehaves as the rule says, beside the rules already there, until the returned function is called. */
  inject(rule: FaultRule): () => void {
    return this.#faults.add(rule);
  }

  /** Behaves again. */
  heal(): void {
    this.#faults.clear();
  }

  /** Every request so far, oldest first, without its body's bytes being copied. */
  get requests(): readonly S3Request[] {
    return this.#requests;
  }

  /** Answers that are still being sent. */
  get openBodies(): number {
    return this.#open.size;
  }

  count(operation?: Operation): number {
    return this.#requests.filter((request) => operation === undefined || request.operation === operation).length;
  }

  forgetRequests(): void {
    this.#requests = [];
  }

  /** The objects themselves: what a test changes here, the server serves. */
  objects(bucket = 'bucket'): Map<string, StoredObject> {
    return this.bucket(bucket).objects;
  }

  /** Uploads begun and neither completed nor aborted. */
  openUploads(bucket = 'bucket'): number {
    return this.bucket(bucket).uploads.size;
  }

  /** Throws away the uploads under way, as a lifecycle rule does. */
  expireUploads(bucket = 'bucket'): void {
    this.bucket(bucket).uploads.clear();
  }

  createBucket(name: string): void {
    this.#buckets.set(name, newBucket());
  }

  removeBucket(name: string): void {
    this.#buckets.delete(name);
  }

  /** Another program's object. */
  place(key: string, bytes: Buffer | string, bucket = 'bucket'): StoredObject {
    const object = plainObject(Buffer.from(bytes));
    this.objects(bucket).set(key, object);
    return object;
  }

  /** Rot: the bytes change at rest, and everything the server says about them stays. */
  damage(key: string, bucket = 'bucket'): void {
    const object = this.objects(bucket).get(key);
    if (object === undefined) throw new Error(`The fake holds no ${key}.`);
    object.bytes = Buffer.from(object.bytes);
    object.bytes.writeUInt8(object.bytes.readUInt8(0) ^ 1, 0);
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new Error(`The fake has no bucket ${name}.`);
    return bucket;
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
    try {
      const request = await readRequest(message);
      this.#requests.push(request);
      const faults = this.#faults.of(request);
      if (faults.has('stall')) return;
      if (faults.has('drop-connection')) return silence(response);
      const answer = await perform(this.#buckets, request, faults, this.#options);
      if (faults.has('lose-response')) return silence(response);
      send(response, request, answer, faults);
    } catch {
      // The client left while it was sending.
      silence(response);
    }
  }
}

export function startFakeS3(options: FakeS3Options = {}): Promise<FakeS3> {
  return new FakeS3(options).listen();
}
