import type { AnswerResult, ScenarioResult } from './result.ts';
import type { Usage } from './usage.ts';

const MiB = 1024 ** 2;

/** One scenario as markdown: figures of everybody, then Holdfast's divided by theirs. */
export function markdownOf(result: ScenarioResult): string {
  const { title, circumstances, command, runs, scale, notes } = result;
  const how = `\`${command}\`: ${runs} paired run${runs === 1 ? '' : 's'}${scale === 1 ? '' : ` at scale ${scale}`}; ${circumstances}.`;
  const tables = [peerTable(result), ratioTable(result), answerTable(result.answers ?? [])].filter(
    (table) => table !== '',
  );
  return [`### ${title}`, ...tables, [how, ...notes].join(' '), ''].join('\n\n');
}

function peerTable({ peers, objects, bytes }: ScenarioResult): string {
  if (peers.length === 0) return '';
  const rows = peers.map(({ name, usage, requests }) => {
    const cells = [
      (objects / usage.seconds).toFixed(1),
      bytes === 0 ? '' : (bytes / 1e6 / usage.seconds).toFixed(1),
      usage.cpuSeconds.toFixed(1),
      usage.serverCpuSeconds.toFixed(1),
      (usage.peakBytes / MiB).toFixed(0),
      (usage.readBytes / MiB).toFixed(0),
      requests?.toLocaleString('en') ?? '',
    ];
    return [name, ...cells];
  });
  return table(
    ['', 'objects/s', 'MB/s', 'CPU, s', "servers' CPU, s", 'peak memory, MiB', 'read, MiB', 'requests'],
    rows,
  );
}

function ratioTable({ peers }: ScenarioResult): string {
  const rows = peers.flatMap(({ name, ratio }) => (ratio === undefined ? [] : [[name, ...ratios(ratio)]]));
  if (rows.length === 0) return '';
  return table(['Holdfast ÷', 'speed', 'CPU', 'peak memory', 'read'], rows);
}

function ratios(ratio: Usage): string[] {
  return [1 / ratio.seconds, ratio.cpuSeconds, ratio.peakBytes, ratio.readBytes].map((value) => value.toFixed(2));
}

function answerTable(answers: readonly AnswerResult[]): string {
  if (answers.length === 0) return '';
  const rows = answers.map(({ question, cpuMs, processCpuMs, emptyCpuMs }) => [
    question,
    cpuMs.toFixed(1),
    processCpuMs?.toFixed(0) ?? '',
    emptyCpuMs?.toFixed(0) ?? '',
  ]);
  return table(['', 'CPU per answer, ms', 'CPU of a process that answers, ms', 'the same with one object, ms'], rows);
}

/** Numbers to the right; columns in which nothing stands are left out. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const kept = header.flatMap((_, column) => (rows.some((row) => (row[column] ?? '') !== '') ? [column] : []));
  const line = (cells: readonly string[]): string => `| ${kept.map((column) => cells[column] ?? '').join(' | ')} |`;
  const rule = header.map((_, column) => (column === 0 ? '---' : '---:'));
  return [header, rule, ...rows].map(line).join('\n');
}
