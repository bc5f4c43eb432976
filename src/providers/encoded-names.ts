import type { ErrorCode } from '../objects/errors.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { encodeKey } from './key-encoding.ts';
import type { DeleteOptions, Precondition, Provider } from './provider.ts';
import { asKey } from './rekey.ts';

/** Under which names a provider holds which keys. */
export interface Names {
  readonly provider: Provider;
  /** Whether a key is its own name. */
  readonly isNative: (key: Key) => boolean;
  /** The longest name the provider takes. */
  readonly maxKeyBytes: number;
}

/** What says that no object stands at a key which the provider may be unable to express. */
const absentOrRefused: readonly ErrorCode[] = ['not-found', 'invalid', 'unsupported'];

/**
 * The name under which a key is written.
 * @throws ProviderError `unsupported` when the encoded name would be too long.
 */
export function writable({ provider, isNative, maxKeyBytes }: Names, key: Key): Key {
  if (isNative(key)) return key;
  const name = encodeKey(key);
  if (name.length <= maxKeyBytes) return name;
  const message =
    `${JSON.stringify(key)} cannot be kept at "${provider.name}": it cannot hold this key as it is, and encoded ` +
    `the key takes ${name.length} bytes, where ${maxKeyBytes} are allowed. Give the object another key at its source.`;
  throw new ProviderError('unsupported', message, { provider: provider.name, key });
}

/** Looks under the encoded name of a key, and if nothing is there, under the key itself. */
export async function find<T>(names: Names, key: Key, look: (name: Key) => Promise<T>): Promise<T> {
  const { provider, isNative } = names;
  if (isNative(key)) return look(key);
  const encoded = encodeKey(key);
  const isPossible = encoded.length <= names.maxKeyBytes;
  const found = isPossible ? await asKey(key, unless(['not-found'], look(encoded))) : undefined;
  const result = found ?? (await unless(absentOrRefused, look(key)));
  if (result !== undefined) return result;
  const message = `"${provider.name}" has no ${JSON.stringify(key)}.`;
  throw new ProviderError('not-found', message, { provider: provider.name, key });
}

/** The precondition of a write to a key's encoded name, given that an object may stand at the key itself. */
export async function preconditionFor(
  { provider }: Names,
  key: Key,
  precondition: Precondition,
  signal: AbortSignal,
): Promise<Precondition> {
  const encoded = await unless(['not-found'], provider.head(encodeKey(key), signal));
  if (encoded !== undefined) return precondition;
  const native = await unless(absentOrRefused, provider.head(key, signal));
  const holds = 'absent' in precondition ? native === undefined : native?.version === precondition.version;
  if (holds) return { absent: true };
  const message = `What stands at ${JSON.stringify(key)} at "${provider.name}" is not what the precondition names.`;
  throw new ProviderError('conflict', message, { provider: provider.name, key });
}

/** Removes what `find` would find; without a precondition, all of it. */
export async function remove(names: Names, key: Key, options: DeleteOptions, signal: AbortSignal): Promise<void> {
  const { provider, isNative, maxKeyBytes } = names;
  if (isNative(key)) return provider.delete(key, options, signal);
  const name = encodeKey(key);
  if (name.length <= maxKeyBytes) {
    const decides = options.precondition !== undefined;
    const found = decides ? await unless(['not-found'], provider.head(name, signal)) : undefined;
    if (!decides || found !== undefined) await provider.delete(name, options, signal);
    if (found !== undefined) return;
  }
  await unless(absentOrRefused, provider.delete(key, options, signal));
}

async function unless<T>(codes: readonly ErrorCode[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ProviderError && codes.includes(error.code)) return undefined;
    throw error;
  }
}
