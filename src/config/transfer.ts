import type { Config } from './schema.ts';
import { Secret } from './secrets.ts';

/** No key of a configuration begins so. */
const secretKey = '\u0000secret';

/**
 * A configuration as it can be posted to another thread of this process: its secrets lie open in it, so that it goes
 * nowhere else.
 */
export function toTransfer(config: Config): object {
  return mapped(config, (value) => (value instanceof Secret ? { [secretKey]: value.reveal() } : undefined)) as object;
}

/** What was posted, secrets hidden again. */
export function fromTransfer(posted: object): Config {
  return mapped(posted, secretOf) as Config;
}

function secretOf(value: object): Secret | undefined {
  const text: unknown = Reflect.get(value, secretKey);
  return typeof text === 'string' ? new Secret(text) : undefined;
}

function mapped(value: unknown, replace: (value: object) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const replaced = replace(value);
  if (replaced !== undefined) return replaced;
  if (Array.isArray(value)) return value.map((item) => mapped(item, replace));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapped(inner, replace)]));
}
