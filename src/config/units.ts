/** Units as people write them in the configuration, and back. Parsers return undefined for what is not in the form. */

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Milliseconds, largest first: the order in which a duration names them. */
const durationUnits: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

const number = String.raw`\d+(?:\.\d+)?`;

export const sizePattern = new RegExp(`^${number}(?:B|[KMGT]i?B)?$`);
export const ratePattern = new RegExp(`^${number}(?:B|[KMGT]i?B)/s$`);
export const percentPattern = new RegExp(`^${number}%$`);
export const durationPattern = new RegExp(
  `^(?=\\d)(?:${number}d)?(?:${number}h)?(?:${number}m)?(?:${number}s)?(?:${number}ms)?$`,
);

/** Bytes: `512`, `512KiB`, `1MB`, `1.5GiB`. */
export function parseSize(text: string): number | undefined {
  if (!sizePattern.test(text)) return undefined;
  const unit = /[A-Za-z]+$/.exec(text)?.[0] ?? 'B';
  return whole(Number.parseFloat(text) * (sizeUnits[unit] ?? Number.NaN));
}

/** The largest unit that divides the size without remainder; a bare number is bytes. */
export function formatSize(bytes: number): string {
  const [unit, factor] = largestDivisor(sizeUnits, bytes) ?? ['B', 1];
  return factor === 1 ? String(bytes) : `${bytes / factor}${unit}`;
}

/** Bytes per second: `100MiB/s`. */
export function parseRate(text: string): number | undefined {
  return ratePattern.test(text) ? parseSize(text.slice(0, -'/s'.length)) : undefined;
}

export function formatRate(bytesPerSecond: number): string {
  const size = formatSize(bytesPerSecond);
  return `${/\d$/.test(size) ? `${size}B` : size}/s`;
}

/** Milliseconds: `500ms`, `30s`, `1h30m`, `30d`. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)) {
    total += Number(amount) * (durationUnits[unit ?? ''] ?? Number.NaN);
  }
  return whole(total);
}

export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const [unit, factor] of Object.entries(durationUnits)) {
    const amount = Math.floor(rest / factor);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * factor;
  }
  return text;
}

/** A fraction from 0 to 1: `10%` is 0.1. */
export function parsePercent(text: string): number | undefined {
  if (!percentPattern.test(text)) return undefined;
  const percent = Number.parseFloat(text);
  return percent <= 100 ? percent / 100 : undefined;
}

export function formatPercent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(6))}%`;
}

/** Sizes and times are whole bytes and milliseconds, and exact. */
function whole(value: number): number | undefined {
  const rounded = Math.round(value);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}

function largestDivisor(units: Readonly<Record<string, number>>, value: number): [string, number] | undefined {
  const byFactor = Object.entries(units).sort(([, a], [, b]) => b - a);
  return byFactor.find(([, factor]) => value >= factor && value % factor === 0);
}
