import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import type { Audit } from './audit-copy.ts';
import { AuditWalk, type Standing } from './audit-walk.ts';
import type { ManifestEntry, ManifestReader } from './manifest-read.ts';
import { narrowest, type Policy } from './policy.ts';
import { headIfThere, type ProveOptions } from './prove.ts';
import type { Site } from './site.ts';
import { bytesOf } from './testimony.ts';
import { VerifyTally, type AuditProblem, type VerifyReport } from './verify-report.ts';

export interface ManifestCheckOptions {
  /** Where to look: targets, or the source. */
  readonly sites: readonly Site[];
  readonly prefix?: string;
  /** Read everything; else only where the provider attests nothing. */
  readonly deep: boolean;
  readonly clock: Clock;
  readonly concurrency: number;
  readonly onProblem: (problem: AuditProblem) => void;
  readonly onProgress: (report: VerifyReport) => void;
}

/**
 * Compares what stands at places with a manifest, without any catalog; writes nothing.
 * @throws UsageError for a file that is no manifest; ProviderError when it is aborted.
 */
export async function checkManifest(
  manifest: ManifestReader,
  policy: Policy,
  options: ManifestCheckOptions,
  signal: AbortSignal,
): Promise<VerifyReport> {
  const tally = new VerifyTally(policy.name, options.onProblem);
  const prefix = narrowest(policy.prefix, options.prefix ?? policy.prefix);
  if (prefix === undefined) return tally.report;
  const unreached = new Map<string, ProviderError>();
  await Promise.all(options.sites.map(async (site) => await reach(site, unreached, signal)));
  await using check = new ManifestCheck(manifest, policy, { ...options, prefix }, tally, unreached, signal);
  await check.run();
  return tally.report;
}

async function reach(site: Site, unreached: Map<string, ProviderError>, signal: AbortSignal): Promise<void> {
  try {
    await site.connect('source', signal);
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    unreached.set(site.name, error);
  }
}

class ManifestCheck implements AsyncDisposable {
  readonly #policy: Policy;
  readonly #options: ManifestCheckOptions & { readonly prefix: string };
  readonly #tally: VerifyTally;
  readonly #unreached: Map<string, ProviderError>;
  readonly #signal: AbortSignal;
  readonly #walk: AuditWalk<ManifestEntry>;

  constructor(
    manifest: ManifestReader,
    policy: Policy,
    options: ManifestCheckOptions & { readonly prefix: string },
    tally: VerifyTally,
    unreached: Map<string, ProviderError>,
    signal: AbortSignal,
  ) {
    const { sites, prefix, concurrency } = options;
    this.#policy = policy;
    this.#options = options;
    this.#tally = tally;
    this.#unreached = unreached;
    this.#signal = signal;
    const walk = {
      known: below(manifest.pages(), prefix),
      sites: sites.filter(({ name }) => !unreached.has(name)),
      prefix,
      concurrency,
      onWait: () => options.onProgress(tally.report),
      onUnreached: (target: string, error: ProviderError) => void unreached.set(target, error),
    };
    this.#walk = new AuditWalk(walk, signal);
  }

  async run(): Promise<void> {
    await this.#walk.run((key, entry, standing) => this.#look(key, entry, standing));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#walk[Symbol.asyncDispose]();
  }

  #look(key: Key, entry: ManifestEntry | undefined, standing: Standing): void {
    for (const site of this.#options.sites) {
      const error = this.#unreached.get(site.name);
      if (entry === undefined) this.#unexpected(site, key, standing.get(site.name));
      else if (error !== undefined) this.#tally.copy(key, site.name, { state: 'unreadable', error });
      else this.#walk.later(async () => await this.#compare(site, entry));
    }
  }

  #unexpected({ name }: Site, key: Key, standing: ObjectInfo | undefined): void {
    if (standing === undefined || !this.#policy.includes(key)) return;
    this.#tally.unexpected(key, name, `${standing.size} bytes, version ${standing.version}: not in the manifest`);
  }

  async #compare(site: Site, entry: ManifestEntry): Promise<void> {
    const audit = await this.#audit(site, entry);
    if (audit.state === 'missing' && entry.gone) return;
    this.#tally.copy(entry.key, site.name, audit);
    this.#options.onProgress(this.#tally.report);
  }

  /** What the listing lacks may be newer than it, so that everything is asked for by its key. */
  async #audit(site: Site, { key, sha256, size }: ManifestEntry): Promise<Audit> {
    try {
      const head = await headIfThere(site.provider, key, this.#signal);
      if (head === undefined) return { state: 'missing' };
      const { version } = head;
      const wrong = (why: string): Audit => ({ state: 'wrong', version, why, code: 'checksum-mismatch' });
      if (size !== undefined && head.size !== size) return wrong(`it is ${head.size} bytes long instead of ${size}`);
      // The record's other checksums are of the bytes with just this SHA-256: by them the provider can attest it.
      const digest = { ...(head.record?.sha256 === sha256 ? head.record.checksums : {}), sha256 };
      const look = async (method: ProveOptions['method']): ReturnType<typeof bytesOf> =>
        await bytesOf(site, key, head, digest, this.#prove(method), this.#signal);
      const first = await look(this.#options.deep ? 'read' : 'attested');
      const holds = first.state === 'unknown' ? await look('read') : first;
      if (holds.state === 'right') return { state: 'right', version, evidence: holds.evidence };
      return wrong(holds.state === 'wrong' ? holds.why : 'nothing tells what it is');
    } catch (error) {
      if (!(error instanceof ProviderError) || this.#signal.aborted) throw error;
      return error.code === 'not-found' ? { state: 'missing' } : { state: 'unreadable', error };
    }
  }

  #prove(method: ProveOptions['method']): ProveOptions {
    const onBytes = (bytes: number): void => this.#tally.read(bytes);
    return { method, now: () => this.#options.clock.now(), onBytes };
  }
}

async function* below(
  pages: AsyncIterable<readonly ManifestEntry[]>,
  prefix: string,
): AsyncGenerator<readonly ManifestEntry[], void, undefined> {
  for await (const page of pages) yield page.filter(({ key }) => key.startsWith(prefix));
}
