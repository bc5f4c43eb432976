import { compareKeys, type Key } from '../objects/key.ts';
import type { ListPage } from './provider.ts';

/** The smallest key that a page tells of, what it ignored included; undefined for an empty page. */
export function firstKeyOf(page: ListPage): Key | undefined {
  return outermost(page, page.entries[0]?.key, -1);
}

/** The greatest. */
export function lastKeyOf(page: ListPage): Key | undefined {
  return outermost(page, page.entries.at(-1)?.key, 1);
}

/** What is ignored stands in no order. */
function outermost({ ignored = [] }: ListPage, ofEntries: Key | undefined, direction: 1 | -1): Key | undefined {
  let found = ofEntries;
  for (const { key } of ignored) {
    if (found === undefined || direction * compareKeys(key, found) > 0) found = key;
  }
  return found;
}

/** How many keys it tells of. */
export function sizeOfPage({ entries, ignored = [] }: ListPage): number {
  return entries.length + ignored.length;
}

/** A page as it is up to `upper` (inclusive), and what it has beyond. */
export function divide(page: ListPage, upper: Key): readonly [within: ListPage, beyond: ListPage] {
  const { entries, ignored = [] } = page;
  const isWithin = ({ key }: { readonly key: Key }): boolean => compareKeys(key, upper) <= 0;
  const cut = entries.findLastIndex(isWithin) + 1;
  return [
    withIgnored(cut === entries.length ? entries : entries.slice(0, cut), ignored.filter(isWithin)),
    withIgnored(
      entries.slice(cut),
      ignored.filter((one) => !isWithin(one)),
    ),
  ];
}

/** Without what it ignored up to `lower` (inclusive). */
export function withoutIgnoredUpTo(page: ListPage, lower: Key): ListPage {
  if (page.ignored === undefined) return page;
  return withIgnored(
    page.entries,
    page.ignored.filter(({ key }) => compareKeys(key, lower) > 0),
  );
}

function withIgnored(entries: ListPage['entries'], ignored: NonNullable<ListPage['ignored']>): ListPage {
  return ignored.length === 0 ? { entries } : { entries, ignored };
}
