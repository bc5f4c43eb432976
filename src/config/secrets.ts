import { inspect } from 'node:util';

export const hidden = '(hidden)';

/** A secret from the configuration. Whatever prints it, on purpose or by accident, prints `(hidden)`; `reveal` alone gives it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}

/** Keys of the configuration below which nothing is ever shown. */
const secretKeys: ReadonlySet<string> = new Set([
  'credentials',
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'accountKey',
  'sasToken',
  'connectionString',
  'token',
]);

export function isSecretPath(path: readonly (string | number)[]): boolean {
  return path.some((step) => typeof step === 'string' && secretKeys.has(step));
}

/** Hides what may be secret in a text that is otherwise shown: a URL's user, password (slashes in it too), query and fragment. */
export function maskUrl(text: string): string {
  return text.replace(/:(\/\/)?.*@/s, `:$1${hidden}@`).replace(/[?#].*$/s, `?${hidden}`);
}
