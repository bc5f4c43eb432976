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

const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029]/gu;

/** A key for a terminal: what would not show, or would steer the terminal, as `\u{…}`. */
export function formatKey(key: Key): string {
  return key.replaceAll(unprintable, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
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
