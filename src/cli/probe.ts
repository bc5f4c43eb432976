import { examineProvider, selectProviders, type ProviderReport } from '../examiner.ts';
import { prepare, print, printJson, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatBytes, formatTable, formatWords } from './format.ts';

export interface ProbeCommand {
  readonly write?: boolean;
  readonly json?: boolean;
}

/** `holdfast probe [provider]`: what an endpoint really supports and what its credentials really allow. Needs no catalog. */
export async function probeCommand(
  providerName: string | undefined,
  { write = false, json = false }: ProbeCommand,
  context: Context,
): Promise<ExitStatus> {
  const { config } = prepare(context, providerName === undefined ? undefined : [providerName]);
  const reports: ProviderReport[] = [];
  for (const name of selectProviders(config, providerName)) {
    const report = await examineProvider(config, name, { write }, context.signal);
    reports.push(report);
    if (!json) print(describe(report));
  }
  if (json) printJson({ providers: reports });
  return reports.every(({ fit }) => fit) ? exitStatus.ok : exitStatus.incomplete;
}

function describe(report: ProviderReport): string {
  const { concerns, left, policy } = report;
  return [
    headline(report),
    ...report.reasons.map((reason) => `  ${formatWords(reason)}`),
    ...section('found', found(report)),
    ...section('not tried', untried(report)),
    ...theft(report),
    ...section(`concerns (${concerns.length})`, concerns.flatMap(describeConcern)),
    ...section('left behind', left.map(formatWords)),
    ...Object.entries(policy).flatMap(([role, { document, notes }]) =>
      section(`least privileges as a ${role}`, [...JSON.stringify(document, undefined, 2).split('\n'), ...notes]),
    ),
    '',
  ].join('\n');
}

function headline({ provider, type, roles, examinedAs, reachable, fit }: ProviderReport): string {
  const used = roles.length === 0 ? 'used by no policy' : roles.join(' and ');
  const state = !reachable ? 'cannot be reached' : fit ? 'fit' : 'cannot do its work';
  const written = examinedAs === 'source' ? '; nothing was written (--write tries what a target needs)' : '';
  return `${provider} (${type}, ${used}): ${state}${written}`;
}

/** What was tried; the limits, which matter to a target only, are what documentation declares. */
function found({ answers, examinedAs, limits }: ProviderReport): string[] {
  const rows = answers.filter(({ answer }) => answer !== 'not-tried').map(row);
  return rows.length === 0
    ? []
    : [...formatTable(rows).split('\n'), ...(limits === undefined || examinedAs === 'source' ? [] : [sizes(limits)])];
}

function sizes({ maxObjectSize, part }: NonNullable<ProviderReport['limits']>): string {
  const order = part.order === 'any' ? 'side by side' : 'one after the other';
  const parts = `parts of ${formatBytes(part.min)} to ${formatBytes(part.max)}, at most ${part.maxCount}, ${order}`;
  return `declared, not tried: objects up to ${formatBytes(maxObjectSize)}; uploads in ${parts}`;
}

/** One line for each reason. */
function untried({ answers }: ProviderReport): string[] {
  const byReason = new Map<string, string[]>();
  for (const { question, answer, detail = '' } of answers) {
    if (answer !== 'not-tried') continue;
    byReason.set(detail, [...(byReason.get(detail) ?? []), question]);
  }
  return [...byReason].map(([reason, questions]) => `${questions.join(', ')}: ${formatWords(reason)}`);
}

type Answer = ProviderReport['answers'][number];
type Concern = ProviderReport['concerns'][number];

function row({ question, answer, detail = '' }: Answer): string[] {
  return [question, answer, formatWords(detail)];
}

function describeConcern({ concern, why, advice }: Concern): string[] {
  return [`! ${concern}`, `  ${why}`, `  ${advice}`];
}

function theft({ stolenCredentials: theft }: ProviderReport): string[] {
  if (theft === undefined) return [];
  return [`  could stolen credentials destroy the copies? ${theft.canDestroyCopies}: ${theft.because}`];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
}
