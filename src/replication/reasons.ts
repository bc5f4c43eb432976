import type { ProviderError } from '../objects/errors.ts';

/**
 * Why something is as it is, twice: in full, for those who may see keys, and open, for anybody (`/health`), with a code
 * in place of a provider's own words, which may name a key.
 */
export interface Reason {
  readonly full: string;
  readonly open: string;
}

/** What a record keeps of them. `openReasons` is absent in what an older version of the program left. */
export interface Reasons {
  readonly reasons: readonly string[];
  readonly openReasons?: readonly string[];
}

/** That which names no key and is nobody else's words. */
export function plain(text: string): Reason {
  return { full: text, open: text };
}

/** A failure in a provider's words. `what`: names no key. */
export function failed(what: string, { code, message }: Pick<ProviderError, 'code' | 'message'>): Reason {
  return { full: `${what}: ${message}`, open: `${what} (${code})` };
}

export function bothOf(reasons: readonly Reason[]): Required<Reasons> {
  return { reasons: reasons.map(({ full }) => full), openReasons: reasons.map(({ open }) => open) };
}

/** As a record tells anybody; of one that an older version left, only that there is something to be seen. */
export function openOf({ reasons, openReasons }: Reasons): readonly string[] {
  return openReasons ?? (reasons.length === 0 ? [] : ['an older version of Holdfast noted why']);
}
