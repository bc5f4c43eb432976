import { z } from 'zod';
import { formatListen, parseListen } from './address.ts';
import type { ListenAddress } from './address.ts';
import { listOf, name, nameForm, secret, section, wholeNumber } from './fields.ts';
import { policySchema } from './policy-schema.ts';
import { providerSchema } from './provider-schema.ts';
import { duration, rate, size } from './quantities.ts';

/** The one source for the configuration's types, its checks, the JSON Schema and the reference. */

const catalogExpected = 'sqlite: followed by the path of a file, such as sqlite:./data/catalog.db';

/** Where the catalog lives. */
export interface CatalogSettings {
  readonly type: 'sqlite';
  /** Relative paths start at the working directory of the process. */
  readonly file: string;
}

export const catalogSchema = z
  .codec(z.string({ error: catalogExpected }), z.custom<CatalogSettings>(), {
    decode: decodeCatalog,
    encode: ({ file }) => `sqlite:${file}`,
  })
  .meta({
    title: '`sqlite:` path',
    description:
      'Where the catalog is kept: `sqlite:` and the path of a file, relative to the working directory of the process. Keep it on a disk that no provider of this file is on.',
  });

function decodeCatalog(text: string, context: z.core.ParsePayload): CatalogSettings {
  // Neither a URL, nor a directory, nor SQLite's own names for memory and URIs.
  const file = /^sqlite:(?!\/\/|:|file:)([^\u0000]*[^/\u0000])$/.exec(text)?.[1];
  if (file !== undefined) return { type: 'sqlite', file };
  const postgres = /^postgres(?:ql)?:\/\//i.test(text);
  const message = postgres
    ? 'sqlite: PostgreSQL catalogs are not built into this version yet; use sqlite:'
    : catalogExpected;
  context.issues.push({ code: 'custom', input: text, message });
  return z.NEVER;
}

const listenExpected = 'host:port such as 127.0.0.1:8080, [::1]:8080, or :8080 for all addresses';

const listen = z
  .codec(z.string({ error: listenExpected }), z.custom<ListenAddress>(), {
    decode: (text, context) => {
      const address = parseListen(text);
      if (address !== undefined) return address;
      context.issues.push({ code: 'custom', input: text, message: listenExpected });
      return z.NEVER;
    },
    encode: formatListen,
  })
  .meta({
    title: 'address',
    description: 'Where the daemon serves health, metrics and the API. Port 0 lets the system choose.',
  });

const tokenExpected = 'a token of printable ASCII characters without spaces';

export const httpSchema = section({
  listen: listen.prefault('127.0.0.1:8080'),
  token: secret(tokenExpected, /^[!-~]+$/)
    .meta({
      description:
        'The bearer token of every route that changes or reveals data. Without it those routes answer only on loopback.',
    })
    .exactOptional(),
}).meta({ description: 'The HTTP server of the daemon.' });

export const limitsSchema = section({
  memory: size()
    .meta({
      description: 'The most bytes of objects held in memory at once, over all copies under way; at least 16MiB.',
    })
    .prefault('256MiB'),
  concurrency: wholeNumber(1, 1024)
    .meta({ description: 'How many objects are worked on at once. A running daemon takes a change over on SIGHUP.' })
    .prefault(32),
  workers: wholeNumber(1, 16)
    .meta({
      description:
        'How many threads copy at most: others join while one is busy all the time, and each takes up to 150 MiB besides `memory`. Default: as many as the process has cores, at most 4; never more than half of `concurrency`.',
    })
    .exactOptional(),
  bandwidth: rate()
    .meta({
      description:
        'The most bytes per second that this process sends to all providers together, and as many that it reads from them. A running daemon takes a change over on SIGHUP.',
    })
    .exactOptional(),
}).meta({ description: 'What the process may use.' });

const shutdownSchema = section({
  drain: duration('0s', '1h')
    .meta({
      description:
        'How long work in flight may take to finish after SIGTERM; what has not finished then is given up and begun again by the next daemon. Ending that takes some seconds more: let whoever stops the process wait for half a minute longer before it kills it.',
    })
    .prefault('25s'),
}).meta({ description: 'How the daemon ends.' });

export const snapshotSchema = section({
  every: duration('1m', '24d').meta({ description: 'How often a snapshot is taken.' }).prefault('1h'),
  changes: wholeNumber(1, 1_000_000_000)
    .meta({ description: 'One is taken earlier once so many outcomes and findings were recorded since the last.' })
    .prefault(10_000),
  keep: wholeNumber(0, 1000).meta({ description: 'How many stay at each target; 0: none is taken.' }).prefault(5),
}).meta({
  description:
    'Snapshots of the catalog, with manifests, at every target below `.holdfast/catalog/`; taken by the daemon, and by `reconcile` at its end.',
});

export const configSchema = section({
  catalog: catalogSchema,
  providers: z
    .record(name(), providerSchema, { error: 'a mapping of names to providers' })
    .refine((providers) => Object.keys(providers).length > 0, { error: 'at least one provider' })
    .meta({ description: `The places that hold objects, by a name of ${nameForm}.` }),
  policies: listOf(policySchema, 'policies')
    .min(1, { error: 'at least one policy' })
    .meta({ description: 'What is copied from where to where.' }),
  snapshot: snapshotSchema.prefault({}),
  http: httpSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  shutdown: shutdownSchema.prefault({}),
}).meta({ title: 'Holdfast configuration' });

export type HttpSettings = z.output<typeof httpSchema>;
export type Limits = z.output<typeof limitsSchema>;

/** The configuration as the program reads it: sizes in bytes, durations in milliseconds, shares as fractions, defaults filled in. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;

export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends { reveal(): string }
    ? T
    : T extends object
      ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
      : T;
