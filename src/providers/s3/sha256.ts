import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { S3ClientConfig } from '@aws-sdk/client-s3';

type HashConstructor = NonNullable<S3ClientConfig['sha256']>;
type Secret = ConstructorParameters<HashConstructor>[0];
type Checksum = InstanceType<HashConstructor> & { reset(): void };
type Sum = ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

/** The secret key and the key of the day for each pair of region and service: there are few, unless credentials rotate. */
const mostKeys = 16;

/**
 * What the SDK signs with. Of a secret given as bytes Node makes a key at every signature, which takes nine times as
 * long as signing (measured on Node 24.21: 34 µs of CPU, 4 with a key that is there), and two are made for a request.
 */
export function openSha256(): new (secret?: Secret) => Checksum {
  const keys = new Map<string, KeyObject>();
  const keyOf = (secret: Buffer): KeyObject => {
    const name = secret.toString('latin1');
    const known = keys.get(name);
    if (known !== undefined) return known;
    if (keys.size >= mostKeys) keys.clear();
    const key = createSecretKey(secret);
    keys.set(name, key);
    return key;
  };
  return class Sha256 {
    readonly #begin: () => Sum;
    #hash: Sum;

    constructor(secret?: Secret) {
      const key = secret === undefined ? undefined : keyOf(bufferOf(secret));
      this.#begin = () => (key === undefined ? createHash('sha256') : createHmac('sha256', key));
      this.#hash = this.#begin();
    }

    update(bytes: Uint8Array): void {
      this.#hash.update(bytes);
    }

    async digest(): Promise<Uint8Array> {
      return await Promise.resolve(this.#hash.digest());
    }

    reset(): void {
      this.#hash = this.#begin();
    }
  };
}

function bufferOf(secret: NonNullable<Secret>): Buffer {
  if (typeof secret === 'string') return Buffer.from(secret);
  return ArrayBuffer.isView(secret)
    ? Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength)
    : Buffer.from(secret);
}
