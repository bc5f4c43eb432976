import { z } from 'zod';
import * as units from './units.ts';

/** Fields that people write with a unit and the program reads as plain numbers. */

interface Quantity {
  readonly title: string;
  readonly expected: string;
  readonly pattern: RegExp;
  readonly parse: (text: string) => number | undefined;
  readonly format: (value: number) => string;
  readonly least: number;
  readonly most: number;
}

function quantity(of: Quantity) {
  return z
    .codec(z.string({ error: of.expected }).regex(of.pattern, { error: of.expected }), z.number(), {
      decode: (text, context) => decode(of, text, context),
      encode: of.format,
    })
    .meta({ title: of.title });
}

function decode(of: Quantity, text: string, context: z.core.ParsePayload): number {
  const value = of.parse(text);
  if (value !== undefined && value >= of.least && value <= of.most) return value;
  const range = `${of.expected}, from ${of.format(of.least)} to ${of.format(of.most)}`;
  context.issues.push({ code: 'custom', input: text, message: range });
  return z.NEVER;
}

/** Milliseconds. Bounds as written in the configuration. */
export function duration(least: string, most: string) {
  return quantity({
    title: 'duration',
    expected: 'a duration such as 30s, 5m or 6h',
    pattern: units.durationPattern,
    parse: units.parseDuration,
    format: units.formatDuration,
    least: units.parseDuration(least) ?? 0,
    most: units.parseDuration(most) ?? 0,
  });
}

/** A fraction from 0 to 1. */
export function percent() {
  return quantity({
    title: 'percentage',
    expected: 'a percentage such as 10%',
    pattern: units.percentPattern,
    parse: units.parsePercent,
    format: units.formatPercent,
    least: 0,
    most: 1,
  });
}

/** Bytes per second. */
export function rate() {
  return quantity({
    title: 'rate',
    expected: 'a rate such as 100MiB/s',
    pattern: units.ratePattern,
    parse: units.parseRate,
    format: units.formatRate,
    least: 1024,
    most: 2 ** 50,
  });
}

const sizeExpected = 'a size such as 512KiB, 256MiB or 1.5GiB';

/** Bytes; a bare number is bytes too. */
export function size() {
  const error = sizeExpected;
  const written = z.union([z.int({ error }), z.string().regex(units.sizePattern, { error })], { error });
  return z
    .codec(written, z.number(), {
      decode: (value, context) => {
        const bytes = units.parseSize(String(value));
        if (bytes !== undefined && bytes > 0) return bytes;
        context.issues.push({ code: 'custom', input: value, message: sizeExpected });
        return z.NEVER;
      },
      encode: units.formatSize,
    })
    .meta({ title: 'size' });
}
