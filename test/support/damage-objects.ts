import type { Random } from '../../src/objects/clock.ts';
import type { Key } from '../../src/objects/key.ts';
import { bytesOf } from './bytes.ts';

/** Names that programs trip over and a Linux directory holds. */
const odd: readonly Key[] = [
  'space name.txt',
  'emoji 😀/é.bin',
  'e\u0301 combining/x',
  '日本語/ファイル.txt',
  '\uff01 before 😀 in UTF-16',
  'percent%41.txt',
  'plus+sign',
  'hash#tag',
  'question?mark=1',
  'ampersand&x=1',
  `quote's "x"`,
  'back\\slash',
  'trailing.',
  'dotted./inside',
  '.hidden',
  '-dash',
  'new\nline',
  'tab\tname',
  'colon:semi;comma,',
  '{brace}[bracket]',
  '~tilde$dollar`tick`',
  'upper/CASE',
  'upper/case',
  'x'.repeat(200),
  `${'deep/'.repeat(30)}leaf`,
];

/** So many objects have just this size, so that there are pairs to swap. */
const commonSizes = [64, 700, 2_000];

/** `count` objects, each from 1 byte to 20,000; no two have the same bytes but by chance of a few bytes. */
export function seededObjects(random: Random, count: number): ReadonlyMap<Key, Buffer> {
  const salt = random();
  const keys = Array.from({ length: count }, (_, n) => odd[n] ?? `year ${2000 + (n % 17)}/album-${n % 5}/${n}.jpg`);
  return new Map(keys.map((key) => [key, bytesOf(sizeFor(random), `${salt}/${key}`)]));
}

function sizeFor(random: Random): number {
  const kind = random();
  if (kind < 0.4) return pick(commonSizes, random);
  const most = kind < 0.95 ? 3_000 : 20_000;
  return 1 + Math.floor(random() * most);
}

export function pick<T>(items: readonly T[], random: Random): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

export function shuffled<T>(items: Iterable<T>, random: Random): T[] {
  return Array.from(items, (item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}
