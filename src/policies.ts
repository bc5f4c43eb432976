import { realpathSync } from 'node:fs';
import picomatch from 'picomatch';
import type { PolicyRow } from './catalog/policies.ts';
import { placeOf } from './config/places.ts';
import type { Config } from './config/schema.ts';
import { UsageError } from './objects/errors.ts';
import type { Policy } from './replication/policy.ts';
import type { Site } from './replication/site.ts';

type Settings = Config['policies'][number];

/** A configured policy with its names resolved. */
export function toPolicy(policy: Settings, config: Config, sites: ReadonlyMap<string, Site>): Policy {
  return {
    name: policy.name,
    source: siteOf(policy.source, sites),
    sourceIdentity: sourceIdentityOf(policy, config),
    prefix: policy.prefix ?? '',
    includes: globFilter(policy.include, policy.exclude),
    targets: policy.targets.map((name) => siteOf(name, sites)),
    minCopies: policy.minCopies,
    onCopy: policy.verify.onCopy,
    ...(policy.verify.scrub === undefined ? {} : { scrub: policy.verify.scrub }),
    ...(policy.drill === undefined ? {} : { drill: policy.drill }),
    guard: policy.guard,
    ...(policy.deletes.after === undefined ? {} : { deleteAfter: policy.deletes.after }),
    ...(policy.history === undefined ? {} : { history: policy.history }),
    detect: policy.detect,
  };
}

/** What the catalog is told of it. */
export function rowOf({ name, source, targets, minCopies }: Settings): PolicyRow {
  return { name, source, targets, minCopies };
}

/** One by name. @throws UsageError when there is none of that name. */
export function named<T extends { readonly name: string }>(policies: readonly T[], name: string): T {
  const policy = policies.find((candidate) => candidate.name === name);
  if (policy !== undefined) return policy;
  const known = policies.map((candidate) => candidate.name).join(', ');
  throw new UsageError(`there is no policy "${name}" in the configuration; there is: ${known}`);
}

/** Of a source that cannot be used here: a text that is no source's. No pass notes it, as none reaches such a source. */
export function sourceIdentityOf({ source, prefix = '' }: Settings, { providers }: Config): string {
  const settings = providers[source];
  if (settings === undefined) return `? ${source}`;
  const { root, path } = placeOf(settings, realpathSync);
  return `${root} ${path} ${prefix}`;
}

export function globFilter(
  include: readonly string[] | undefined,
  exclude: readonly string[] | undefined,
): Policy['includes'] {
  const wanted = include === undefined ? () => true : globs(include);
  const unwanted = exclude === undefined ? () => false : globs(exclude);
  return (key) => wanted(key) && !unwanted(key);
}

/** Keys are no paths: `.` and `..` are segments like any other, and a line break (flag `s`) is a character like any other. */
function globs(patterns: readonly string[]): (key: string) => boolean {
  const matches = picomatch([...patterns], { dot: true, nonegate: true, flags: 's' });
  return (key) => matches(key) || (dotSegment.test(key) && matches(key.replaceAll(dotSegments, veiled)));
}

const dotSegment = /(?:^|\/)\.{1,2}(?:\/|$)/;
const dotSegments = /(?<=^|\/)\.{1,2}(?=\/|$)/g;

/** As long, and nothing that picomatch keeps wildcards from. */
function veiled(dots: string): string {
  return '\ue000'.repeat(dots.length);
}

function siteOf(name: string, sites: ReadonlyMap<string, Site>): Site {
  const site = sites.get(name);
  if (site === undefined) throw new UsageError(`a policy names the unknown provider ${name}`);
  return site;
}
