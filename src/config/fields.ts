import { z } from 'zod';
import { reservedPrefix } from '../objects/key.ts';
import { hidden, Secret } from './secrets.ts';

/**
 * The kinds of values the configuration is made of. The message of every issue raised here is what was expected,
 * as the object of "expected …"; `issues.ts` adds the place and what was found.
 */

/** A mapping that refuses keys it does not know; that message lists the known ones (see `issues.ts`). */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: ({ code }) => (code === 'unrecognized_keys' ? known : 'a mapping') });
}

export function text(expected: string, pattern: RegExp) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: `one of ${values.join(', ')}` });
}

export function wholeNumber(least: number, most: number) {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

export function flag() {
  return z.boolean({ error: 'true or false' });
}

export function listOf<Item extends z.core.SomeType>(item: Item, entries: string) {
  return z.array(item, { error: `a list of ${entries}` });
}

/** Names appear in logs, metrics, URLs and on the command line. */
export const nameForm = '1 to 63 letters, digits, dots, dashes and underscores, starting with a letter or digit';

export function name(expected = `a name of ${nameForm}`) {
  return text(expected, /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
}

/** A path on this machine, relative to the working directory of the process. The system's calls throw on NUL; only shells know `~`. */
export function path(expected: string) {
  return text(`${expected}, without ~`, /^(?!~(?:\/|$))[^\u0000]+$/);
}

const providerPrefix = /^(?!\.holdfast\/)(?:(?!\.{1,2}\/)[^/\u0000]+\/)+$/;

/** The part of a provider that Holdfast uses. Whole path segments, so that one never lies inside another by accident. */
export function providerPrefixField() {
  return text(
    `a prefix that ends in / and does not start with it, without empty, . or .. segments, and not below ${reservedPrefix}`,
    providerPrefix,
  )
    .meta({ title: 'prefix', description: 'Use only the keys below this prefix, and take it for the root.' })
    .exactOptional();
}

export function secret(expected: string, pattern = /^[\s\S]+$/) {
  return z
    .codec(text(expected, pattern), z.instanceof(Secret), {
      decode: (value) => new Secret(value),
      encode: () => hidden,
    })
    .meta({ title: 'secret', writeOnly: true });
}

const endpointExpected = 'a URL such as https://storage.example.com, without user, password, query and fragment';

export function endpoint() {
  return z.string({ error: endpointExpected }).refine(isEndpoint, { error: endpointExpected }).meta({ title: 'URL' });
}

function isEndpoint(value: string): boolean {
  if (!/^https?:\/\/[^/]/i.test(value) || /[\s?#@\\]/.test(value)) return false;
  return URL.canParse(value);
}
