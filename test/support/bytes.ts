import { createCipheriv, createHash } from 'node:crypto';

/** `size` bytes that look random and depend on `name` alone. */
export function bytesOf(size: number, name = ''): Buffer {
  const key = createHash('sha256').update(name).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}
