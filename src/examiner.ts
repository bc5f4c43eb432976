import type { Config } from './config/schema.ts';
import { systemClock, type Clock } from './objects/clock.ts';
import { ProviderError, UsageError, type ErrorCode } from './objects/errors.ts';
import { concernsOf, failuresOf, type Concern } from './providers/concerns.ts';
import type { Answer, ExaminableProvider, Examination } from './providers/examination.ts';
import { openExaminable, type ProviderSettings } from './providers/open.ts';
import { privilegesOf, type Privileges } from './providers/privileges.ts';
import type { ProviderLimits, ProviderRole } from './providers/provider.ts';
import { theftOf, type Theft } from './providers/theft.ts';
import { reveal } from './sites.ts';

export interface ExaminerOptions {
  /** Write canaries at providers that are no target, too. */
  readonly write: boolean;
  readonly clock?: Clock;
}

/** What was found out about one provider. */
export interface ProviderReport {
  readonly provider: string;
  readonly type: ProviderSettings['type'];
  /** What the policies use it for; empty where none does. */
  readonly roles: readonly ProviderRole[];
  /** How it was examined: canaries are written to a target only. */
  readonly examinedAs: ProviderRole;
  readonly reachable: boolean;
  /** Whether it can do its work. */
  readonly fit: boolean;
  /** Why it cannot. */
  readonly reasons: readonly string[];
  readonly answers: readonly Answer[];
  /** What documentation declares; absent when the provider said nothing. */
  readonly limits?: ProviderLimits;
  readonly concerns: readonly Concern[];
  /** Of a provider examined as a target. */
  readonly stolenCredentials?: Theft;
  /** What the examination left behind. */
  readonly left: readonly string[];
  readonly policy: Readonly<Partial<Record<ProviderRole, Privileges>>>;
}

/** The names of the providers to examine. @throws UsageError when there is none of that name. */
export function selectProviders({ providers }: Config, name: string | undefined): string[] {
  const known = Object.keys(providers);
  if (name === undefined) return known;
  if (Object.hasOwn(providers, name)) return [name];
  throw new UsageError(`there is no provider "${name}" in the configuration; there is: ${known.join(', ')}`);
}

/** Examines one provider; needs no catalog. What it cannot do is part of the report. */
export async function examineProvider(
  config: Config,
  name: string,
  options: ExaminerOptions,
  signal: AbortSignal,
): Promise<ProviderReport> {
  const found = config.providers[name];
  if (found === undefined) throw new UsageError(`there is no provider "${name}" in the configuration`);
  const settings = reveal(found);
  const use = usageOf(config, name);
  const examinedAs = use.roles.includes('target') || options.write ? 'target' : 'source';
  const outcome = await examined(name, settings, { ...options, examinedAs }, signal);
  const { answers, left, limits } = outcome.examination;
  const failures = failuresOf(answers, examinedAs);
  const reasons = [...outcome.reasons, ...failures.map(describeFailure)];
  return {
    ...{ provider: name, type: settings.type, roles: use.roles, examinedAs, reachable: outcome.reachable },
    ...{ fit: reasons.length === 0, reasons, answers, left },
    ...(limits !== undefined && { limits }),
    concerns: concernsOf(answers, { type: settings.type, ...use }),
    ...(examinedAs === 'target' && answers.length > 0 && { stolenCredentials: theftOf(answers) }),
    policy: await policiesFor(settings, use),
  };
}

interface Use {
  readonly roles: readonly ProviderRole[];
  readonly deletes: boolean;
  readonly history: boolean;
}

function usageOf({ policies }: Config, name: string): Use {
  const served = policies.filter(({ targets }) => targets.includes(name));
  const history = served.some((policy) => policy.history !== undefined);
  return {
    roles: [
      ...(policies.some(({ source }) => source === name) ? (['source'] as const) : []),
      ...(served.length > 0 ? (['target'] as const) : []),
    ],
    deletes: served.some(({ deletes }) => deletes.mode === 'propagate'),
    history,
  };
}

interface Outcome {
  readonly reachable: boolean;
  readonly reasons: readonly string[];
  readonly examination: Omit<Examination, 'limits'> & Partial<Pick<Examination, 'limits'>>;
}

const nothingKnown: Outcome['examination'] = { answers: [], left: [] };

async function examined(
  name: string,
  settings: ProviderSettings,
  { examinedAs, clock = systemClock }: ExaminerOptions & { readonly examinedAs: ProviderRole },
  signal: AbortSignal,
): Promise<Outcome> {
  const provider = await openExaminable(name, settings, { clock, random: Math.random, onRequest: () => undefined });
  try {
    return { reachable: true, reasons: [], examination: await provider.examine({ role: examinedAs, clock }, signal) };
  } catch (error) {
    const failure = asFailure(error);
    const reachable = !unreachable.has(failure.code);
    const readable = reachable && examinedAs === 'target' ? await asSource(provider, clock, signal) : nothingKnown;
    return { reachable, reasons: [failure.message], examination: readable };
  } finally {
    await provider.close();
  }
}

/** What can be told of a target that lets nothing be written. */
async function asSource(
  provider: ExaminableProvider,
  clock: Clock,
  signal: AbortSignal,
): Promise<Outcome['examination']> {
  try {
    return await provider.examine({ role: 'source', clock }, signal);
  } catch (error) {
    asFailure(error);
    return nothingKnown;
  }
}

const unreachable: ReadonlySet<ErrorCode> = new Set(['unavailable', 'throttled', 'not-found']);

/** @throws what is no answer of the provider. */
function asFailure(error: unknown): ProviderError {
  if (error instanceof ProviderError && error.code !== 'aborted') return error;
  throw error;
}

function describeFailure({ question, answer, detail }: Answer): string {
  return `${question}: ${answer}${detail === undefined ? '' : `: ${detail}`}`;
}

/** What a target needs covers what a source needs. */
async function policiesFor(
  settings: ProviderSettings,
  { roles, deletes, history }: Use,
): Promise<ProviderReport['policy']> {
  const target = roles.includes('target') || roles.length === 0;
  const source = !roles.includes('target');
  return {
    ...(source && { source: await privilegesOf(settings, { role: 'source', deletes: false, history: false }) }),
    ...(target && { target: await privilegesOf(settings, { role: 'target', deletes, history }) }),
  };
}
