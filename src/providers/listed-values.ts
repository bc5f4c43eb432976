/** A size in bytes as listings write it. Undefined for what is none. */
export function sizeOf(text: string): number | undefined {
  const size = Number(text);
  return isDigit(text.charCodeAt(0)) && Number.isSafeInteger(size) ? size : undefined;
}

/** Milliseconds since the epoch of `2026-01-31T23:59:59.999Z`. Undefined for what is no such time. */
export function isoTimeOf(text: string): number | undefined {
  // `Date.parse` makes a time of nearly everything.
  return text.charAt(4) === '-' && text.charAt(10) === 'T' ? parsed(text) : undefined;
}

/** Milliseconds since the epoch of `Sat, 31 Jan 2026 23:59:59 GMT`. Undefined for what is no such time. */
export function httpTimeOf(text: string): number | undefined {
  return text.endsWith(' GMT') && text.charAt(3) === ',' ? parsed(text) : undefined;
}

function parsed(text: string): number | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
