const hidden = '(hidden)';

/** What lies deeper in a logged value, or further on in a list, is left out. */
const maxDepth = 6;
const maxItems = 50;

const secretName =
  /pass(word|wd|phrase)|secret|token|credential|(account|access|private|api|shared|encryption)[_-]?key|^sas|connection[_-]?string|authorization|cookie|signature/i;

/** Secrets inside texts: connection strings, signed URLs, `user:password@`, authorization headers. */
const secretsInText: readonly (readonly [RegExp, string])[] = [
  [/((?:Account|SharedAccess)Key|SharedAccessSignature)=[^;\s"']+/gi, `$1=${hidden}`],
  [/([?&](?:sig|upload_id|X-(?:Amz|Goog)-(?:Signature|Credential|Security-Token))=)[^&\s"']+/gi, `$1${hidden}`],
  [/(:\/\/[^:/?#\s@]*:)[^/?#\s]+@/g, `$1${hidden}@`],
  [/\b(Bearer|Basic|SharedKey) [\w.~+/=:-]{16,}/gi, `$1 ${hidden}`],
];

/** Shorter values are left alone: hiding `a` wherever it occurs would only tell what it is. */
const shortestSecret = 6;

export interface Redactor {
  text(text: string): string;
  /** A plain copy, fit for JSON: errors become what people need of them, bytes their number. */
  fields(fields: object): object;
}

/**
 * Leaves no secret in what is logged: nothing in a field named like one, none of the `secrets` (their very values)
 * and nothing that has a secret's form in any text. Errors of the cloud SDKs carry whole requests, so of an error
 * only its name, message, code, provider, key and causes remain.
 */
export function createRedactor(secrets: readonly string[] = []): Redactor {
  const values = secrets.filter((secret) => secret.length >= shortestSecret);
  const text = (original: string): string => {
    const known = values.reduce((rest, secret) => rest.replaceAll(secret, hidden), original);
    return secretsInText.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), known);
  };
  return { text, fields: (fields) => plainFields(fields, text, 0) };
}

type Text = (text: string) => string;

function plainFields(fields: object, text: Text, depth: number): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]: [string, unknown]) => [
    name,
    isSecret(name, value) ? hidden : plain(value, text, depth + 1),
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** Numbers are no secrets: a fencing token is worth logging. */
function isSecret(name: string, value: unknown): boolean {
  return secretName.test(name) && (typeof value === 'string' || (typeof value === 'object' && value !== null));
}

function plain(value: unknown, text: Text, depth: number): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > maxDepth) return '…';
  return plainObject(value, text, depth);
}

function plainObject(value: object, text: Text, depth: number): unknown {
  if (value instanceof Error) return plainError(value, text, depth);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (value instanceof Set) return plainList([...(value as Set<unknown>)], text, depth);
  if (value instanceof Map) return plainFields(Object.fromEntries(value) as object, text, depth);
  if (Array.isArray(value)) return plainList(value as unknown[], text, depth);
  if (hasJson(value)) return plain(value.toJSON(), text, depth + 1);
  return plainFields(value, text, depth);
}

function hasJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

function plainList(items: readonly unknown[], text: Text, depth: number): unknown[] {
  const shown = items.slice(0, maxItems).map((item) => plain(item, text, depth + 1));
  return items.length > maxItems ? [...shown, `… ${items.length - maxItems} more`] : shown;
}

function plainError(error: Error, text: Text, depth: number): Record<string, unknown> {
  const { code, provider, key, errors } = error as {
    code?: unknown;
    provider?: unknown;
    key?: unknown;
    errors?: unknown;
  };
  const known = { code, provider, key, cause: error.cause, errors };
  const present = Object.entries(known).filter(([, value]) => value !== undefined);
  return {
    name: error.name,
    message: text(error.message),
    ...plainFields(Object.fromEntries(present), text, depth),
    ...(isBug(error) ? { stack: text(error.stack ?? '') } : {}),
  };
}

/** Errors of the language point at a fault of ours, where the stack is what helps; others say what happened themselves. */
function isBug(error: Error): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
