import type { ScenarioResult } from './result.ts';
import type { Usage } from './usage.ts';

interface Bar {
  readonly label: string;
  /** How many times better Holdfast is; below 1: worse. */
  readonly value: number;
  readonly colour: string;
}

const [left, width, barHeight, gap] = [330, 560, 14, 26];
/** The scale ends at this many times better, or worse. */
const most = 32;

/** Bars of how many times better Holdfast is, to the right of the line, or worse, to its left; the scale is logarithmic. */
export function plotOf(results: readonly ScenarioResult[]): string {
  const parts: string[] = [];
  let y = 40;
  for (const result of results) {
    const bars = barsOf(result);
    if (bars.length === 0) continue;
    parts.push(text(10, y, result.title, 'font-weight="bold"'));
    y += 8;
    for (const bar of bars) {
      parts.push(drawn(bar, y));
      y += barHeight + 4;
    }
    y += gap;
  }
  return document(y, [...lines(y), ...parts]);
}

function barsOf({ peers }: ScenarioResult): Bar[] {
  return peers.flatMap(({ name, ratio }) => {
    if (ratio === undefined || !/^(rclone|bare SDK calls$)/.test(name)) return [];
    return measures.map(([what, colour, better]) => ({ label: `${what} than ${name}`, value: better(ratio), colour }));
  });
}

const measures: readonly [string, string, (ratio: Usage) => number][] = [
  ['more speed', '#2b6cb0', ({ seconds }) => 1 / seconds],
  ['less CPU', '#2f855a', ({ cpuSeconds }) => 1 / cpuSeconds],
  ['less memory', '#b7791f', ({ peakBytes }) => 1 / peakBytes],
];

function drawn({ label, value, colour }: Bar, y: number): string {
  const [from, to] = [Math.min(at(1), at(value)), Math.max(at(1), at(value))];
  const bar = `<rect x="${from.toFixed(1)}" y="${y}" width="${(to - from).toFixed(1)}" height="${barHeight}" fill="${colour}"/>`;
  const figure = text(left + width + 8, y + 11, `${value.toFixed(2)} ×`);
  return [text(24, y + 11, label), bar, figure].join('\n');
}

function at(value: number): number {
  const share = Math.log2(Math.min(Math.max(value, 1 / most), most)) / Math.log2(most);
  return left + (width / 2) * (1 + share);
}

function lines(height: number): string[] {
  return [1 / 16, 1 / 4, 1, 4, 16].flatMap((value) => {
    const x = at(value).toFixed(1);
    const stroke = value === 1 ? '#444' : '#ddd';
    const label = value < 1 ? `1/${1 / value}` : String(value);
    return [
      `<path d="M${x} 20V${height - gap}" stroke="${stroke}"/>`,
      text(Number(x), 14, `${label} ×`, 'text-anchor="middle"'),
    ];
  });
}

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}" ${attributes}>${escaped}</text>`;
}

function document(height: number, parts: readonly string[]): string {
  const whole = left + width + 80;
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole} ${height}" font-family="sans-serif" font-size="12">`;
  return [open, `<rect width="${whole}" height="${height}" fill="#fff"/>`, ...parts, '</svg>', ''].join('\n');
}
