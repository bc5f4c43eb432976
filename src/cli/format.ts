import { isoTime } from '../objects/iso-time.ts';
import type { Key } from '../objects/key.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1536` → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** `93784` → `1d 2h`; `125` → `2m 5s`. */
export function formatSeconds(seconds: number): string {
  return partsOf(Math.round(seconds));
}

/** The same for what must not look shorter than it is: nothing of it is left out. */
export function formatAtLeast(seconds: number): string {
  const whole = Math.ceil(seconds);
  const unit = whole >= 86_400 ? 3600 : whole >= 3600 ? 60 : 1;
  return partsOf(Math.ceil(whole / unit) * unit);
}

function partsOf(whole: number): string {
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0s';
  return parts
    .slice(first, first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

/** What would not show, would steer the terminal, or would show other letters in another order than they stand. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** A key for a terminal, on one line: what is unprintable as `\u{…}`. */
export function formatKey(key: Key): string {
  return key.replaceAll(unprintable, escaped);
}

/** What a provider, the catalog or the system said, likewise: such words may name a key, or be of a stranger's making. */
export function formatWords(words: string): string {
  return words.replaceAll(unprintable, escaped);
}

/** Lines for a terminal, whatever is in them. */
export function formatLines(text: string): string {
  return text.replaceAll(unprintable, (character) => (/[\n\t]/.test(character) ? character : escaped(character)));
}

/** A document as JSON whose texts steer no terminal. */
export function formatJson(document: unknown): string {
  const text = JSON.stringify(document, undefined, 2);
  const hex = (character: string): string => character.charCodeAt(0).toString(16).padStart(4, '0');
  return text.replaceAll(unprintable, (character) => (character === '\n' ? '\n' : `\\u${hex(character)}`));
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

export function formatTime(ms: number): string {
  return isoTime(ms);
}

/** Columns padded to the widest cell; numbers to the right. */
export function formatTable(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function pad(cell: string | number, width: number): string {
  return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
}
