import { UsageError } from '../objects/errors.ts';
import { serviceOf } from './places.ts';
import { formatPath } from './problems.ts';
import type { Finding } from './problems.ts';
import type { ProviderSettings } from './provider-schema.ts';
import type { Config } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** What several providers may have in common, so that they fail together. */
const dimensions = ['operator', 'region', 'account'] as const;

type Dimension = (typeof dimensions)[number];

/** In small letters: `AWS` and `aws` are one. */
export type Domain = Readonly<Partial<Record<Dimension, string>>>;

const known: readonly (readonly [host: RegExp, operator: string])[] = [
  [/^aws$/, 'aws'],
  [/^storage\.googleapis\.com$/, 'google'],
  [/\.blob\.core\.[a-z.]+$/, 'azure'],
];

/**
 * What is declared, and else what the settings say by themselves: who runs the service (of other servers than those of
 * AWS, Google and Azure: the host), and the region of a bucket at AWS. Of a directory nothing is known.
 */
export function domainOf(settings: ProviderSettings): Domain {
  const service = serviceOf(settings);
  const operator = known.find(([host]) => service !== undefined && host.test(service))?.[1] ?? service;
  const region = settings.type === 's3' && operator === 'aws' ? settings.region : undefined;
  const own: Readonly<Record<string, string | undefined>> = { operator, region, ...settings.domain };
  const entries = dimensions.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name].toLowerCase()]]));
  return Object.fromEntries(entries) as Domain;
}

/**
 * The providers that `--lose` means: by name, or by what they have in common (`operator=aws`).
 * @throws UsageError for what names none, with what there is.
 */
export function providersMeant({ providers }: Pick<Config, 'providers'>, asked: readonly string[]): readonly string[] {
  const domains = Object.entries(providers).map(([name, settings]) => ({ name, domain: domainOf(settings) }));
  const meant = asked.flatMap((text) => {
    const found = domains.filter(({ name, domain }) => name === text || isIn(domain, text)).map(({ name }) => name);
    if (found.length === 0) throw new UsageError(unknownPlace(text, domains));
    return found;
  });
  return [...new Set(meant)];
}

function isIn(domain: Domain, text: string): boolean {
  return labelsOf(domain).includes(text.toLowerCase());
}

/** As `--lose` takes them. */
function labelsOf(domain: Domain): readonly string[] {
  return dimensions.flatMap((name) => (domain[name] === undefined ? [] : [`${name}=${domain[name]}`]));
}

function unknownPlace(text: string, domains: readonly { readonly name: string; readonly domain: Domain }[]): string {
  const names = domains.map(({ name }) => name);
  const labels = [...new Set(domains.flatMap(({ domain }) => labelsOf(domain)))];
  const shared = labels.length === 0 ? '' : `; or, with what they have in common: ${labels.join(', ')}`;
  const hint = didYouMean(text, [...names, ...labels]);
  return `there is no provider and no failure domain "${text}" in the configuration${hint}; there is: ${names.join(', ')}${shared}`;
}

/** Places of one policy that one failure would take together. */
export function sharedDomains({ policies, providers }: Config): readonly Finding[] {
  const domains = new Map(Object.entries(providers).map(([name, settings]) => [name, domainOf(settings)]));
  return policies.flatMap(({ source, targets }, index) =>
    dimensions.flatMap((dimension) => {
      const values = new Map<string, string[]>();
      for (const name of [source, ...targets]) {
        const value = domains.get(name)?.[dimension];
        if (value !== undefined) values.set(value, [...(values.get(value) ?? []), name]);
      }
      return [...values]
        .filter(([, names]) => names.length > 1)
        .map(([value, names]) => ({
          path: ['policies', index],
          message: `${describePlaces(names, source)} have the ${dimension} ${value} in common: what takes one may take all; \`holdfast whatif --lose ${dimension}=${value}\` says what would be lost`,
        }));
    }),
  );
}

function describePlaces(names: readonly string[], source: string): string {
  const described = names.map((name) => (name === source ? `the source ${formatPath([name])}` : formatPath([name])));
  return `${described.slice(0, -1).join(', ')} and ${described.at(-1)}`;
}
