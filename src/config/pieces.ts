import type { z } from 'zod';
import { policyFields } from './policy-schema.ts';
import { providerSchema } from './provider-schema.ts';
import type { ProviderSettings } from './provider-schema.ts';
import { catalogSchema, httpSchema, limitsSchema } from './schema.ts';
import type { CatalogSettings, HttpSettings, Limits } from './schema.ts';

/**
 * The parts of a configuration that are right by themselves, so that what contradicts across parts is found in
 * the same run as what is wrong elsewhere.
 */
export interface Pieces {
  readonly catalog: CatalogSettings | undefined;
  /** Every name that is declared; undefined where the settings are wrong. */
  readonly providers: ReadonlyMap<string, ProviderSettings | undefined>;
  /** By position in the file. */
  readonly policies: readonly PolicyPiece[];
  readonly http: HttpSettings | undefined;
  readonly limits: Limits | undefined;
}

/** What a policy says of others, each undefined where it is missing or wrong. */
export interface PolicyPiece {
  readonly name: string | undefined;
  readonly source: string | undefined;
  /** By position in the file. */
  readonly targets: readonly (string | undefined)[];
  readonly minCopies: number | undefined;
  /** Empty where there is none. */
  readonly prefix: string | undefined;
}

/** @param lacking names of providers that are declared and were set aside. */
export function piecesOf(root: unknown, lacking: Iterable<string> = []): Pieces {
  const top = asMapping(root);
  const providers = new Map(
    Object.entries(asMapping(top['providers'])).map(([name, settings]) => [name, parsed(providerSchema, settings)]),
  );
  for (const name of lacking) providers.set(name, undefined);
  const policies: readonly unknown[] = Array.isArray(top['policies']) ? top['policies'] : [];
  return {
    catalog: parsed(catalogSchema, top['catalog']),
    providers,
    policies: policies.map((policy) => policyPiece(asMapping(policy))),
    http: parsed(httpSchema, top['http'] ?? {}),
    limits: parsed(limitsSchema, top['limits'] ?? {}),
  };
}

function policyPiece(policy: Readonly<Record<string, unknown>>): PolicyPiece {
  const targets: readonly unknown[] = Array.isArray(policy['targets']) ? policy['targets'] : [];
  return {
    name: parsed(policyFields.name, policy['name']),
    source: parsed(policyFields.source, policy['source']),
    targets: targets.map((target) => parsed(policyFields.source, target)),
    minCopies: policy['minCopies'] === undefined ? undefined : parsed(policyFields.minCopies, policy['minCopies']),
    prefix: policy['prefix'] === undefined ? '' : parsed(policyFields.prefix, policy['prefix']),
  };
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> | undefined {
  return schema.safeParse(value).data;
}

function asMapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
