import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';

const maxBytes = 1_024;

/** Whether Cloud Storage can hold an object of this name (cloud.google.com/storage/docs/objects#naming). */
export function canHoldKey(key: Key): boolean {
  if (!key.isWellFormed() || /[\r\n]/.test(key) || key === '.' || key === '..') return false;
  if (key.startsWith('.well-known/acme-challenge/')) return false;
  const bytes = Buffer.byteLength(key);
  return bytes >= 1 && bytes <= maxBytes;
}

/** @throws ProviderError `unsupported` */
export function requireKey(provider: string, key: Key): void {
  if (canHoldKey(key)) return;
  const rules = 'it takes 1 to 1024 bytes of UTF-8 without line breaks, not "." or "..", not an ACME challenge';
  throw new ProviderError('unsupported', `Cloud Storage cannot hold the key ${JSON.stringify(key)}: ${rules}`, {
    provider,
    key,
  });
}

/**
 * The longest string Cloud Storage can take as `startOffset` that is not after `key`. It may be before it, so
 * the keys listed from there on still have to be compared with `key`.
 */
export function offsetNotAfter(key: Key): string {
  const broken = key.search(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
  const bytes = Buffer.from(broken < 0 ? key : key.slice(0, broken)).subarray(0, maxBytes);
  // Decoding as a stream leaves out a character that was cut.
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true });
}
