import { listByRanges } from './listing-ranges.ts';
import { forwarded } from './forwarded.ts';
import type { Provider } from './provider.ts';

/** Enough to hide most of what a page takes at a cloud; with more, it is reading the answers that takes the time. */
const usualAtOnce = 4;
/** Four pages of S3's and Cloud Storage's, one of Azure's. */
const usualKeys = 4_000;

export interface RangedOptions {
  readonly atOnce?: number;
  /** See `ListingRangesOptions`. */
  readonly keys?: number;
}

/**
 * Lists by key ranges side by side where keys are known (`ListOptions.furtherOn`) and a listing can begin at one. Goes
 * inside of what gives keys other names, which has listings of its own, and outside of what repeats and checks listings.
 *
 * @param within how many at once may be, of so many that would be good.
 */
export function ranged(
  provider: Provider,
  within: (most: number) => number = (most) => most,
  { atOnce: most = usualAtOnce, keys = usualKeys }: RangedOptions = {},
): Provider {
  let listsAfter = false;
  const atOnce = (): number => within(most);
  return {
    ...forwarded(provider),
    connect: async (role, signal) => {
      const capabilities = await provider.connect(role, signal);
      listsAfter = capabilities.listing === 'ordered' && capabilities.listsAfter === true;
      return capabilities;
    },
    list: ({ furtherOn, ...options }, signal) => {
      if (furtherOn === undefined || !listsAfter || atOnce() <= 1) return provider.list(options, signal);
      const { after } = options;
      const open = (from: typeof after, inner: AbortSignal) =>
        provider.list(from === undefined ? options : { ...options, after: from }, inner);
      return listByRanges({ provider: provider.name, open, after, furtherOn, atOnce, keys }, signal);
    },
  };
}
