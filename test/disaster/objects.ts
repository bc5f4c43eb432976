import type { Random } from '../../src/objects/clock.ts';
import type { Attributes } from '../../src/objects/object.ts';
import { sizeBy } from '../crash/content.ts';

/**
 * What becomes of an object before the disaster (`history.ts`), and so where its last version is:
 *
 * | fate | source | disk | clouds |
 * |---|---|---|---|
 * | settled | x | x | x |
 * | source-only | x | | |
 * | one-copy | x | x | |
 * | no-disk: gone before the disk was back | | | x |
 * | gone-early: gone before there was a cloud | | x | |
 * | replaced | x | x | the version before |
 * | replaced-late | x | the version before | the version before |
 */
export const fates = [
  'settled',
  'source-only',
  'one-copy',
  'no-disk',
  'gone-early',
  'replaced',
  'replaced-late',
] as const;

export type Fate = (typeof fates)[number];

export interface Planned {
  readonly key: string;
  readonly size: number;
  readonly fate: Fate;
  /** Where the source can hold them. */
  readonly attributes: Attributes;
}

/** Each trips something up: the order of keys, an escape, a shell, a normal form, a server's rules for names. */
export const oddKeys: readonly string[] = [
  'a-b',
  'a/b',
  'a.txt',
  'a..b',
  'a/b-c/d',
  'a b/c  d',
  ' leading and trailing ',
  'dot.',
  'dots...',
  'dir./file',
  '...',
  'per%cent',
  '%2F%41%',
  'back\\slash\\',
  'line\nbreak',
  'tab\there',
  '-rf',
  '~',
  '#?&+=;:@!$,',
  '"quoted" \'twice\' `thrice`',
  '<xml>&amp;',
  '*[glob]{a,b}',
  'caf\u00e9',
  'cafe\u0301',
  '\u00fc/\u00df \u65e5\u672c \u{1F600}',
  '\uff5e after the emoji by UTF-16, before it by UTF-8',
  '\u{1F600}',
  `long ${'x'.repeat(220)}`,
  `${'deep/'.repeat(60)}file`,
  'CON',
  'UPPER',
  'upper',
];

const fewEach = 4;
const largeShare = 0.9;

/** Mostly small, one of `largest` bytes, some empty; every fate but the first at a handful of objects, and odd keys in each. */
export function plan(random: Random, objects: number, largest: number): readonly Planned[] {
  const common = Math.min(largest, 8 * 1024 ** 2);
  return Array.from({ length: objects }, (_, index): Planned => {
    const name = oddKeys[index] ?? `d${Math.floor(random() * 20)}/name ${index} \u00fc.bin`;
    const fate = fateOf(index);
    return { key: name, size: sizeOf(random, index, { largest, common }), fate, attributes: attributesOf(index) };
  });
}

/** No more than the guard lets go at once. */
function fateOf(index: number): Fate {
  const round = Math.floor(index / fates.length);
  return round < fewEach || (round < 4 * fewEach && index % 2 === 0)
    ? (fates[index % fates.length] ?? 'settled')
    : 'settled';
}

function sizeOf(random: Random, index: number, { largest, common }: { largest: number; common: number }): number {
  if (index === fates.length * 20) return largest;
  if (index % 50 === 3) return 0;
  // Bytes are what the servers are slow at; counts are what is tried here.
  return random() < largeShare ? Math.floor(random() * 16_384) : sizeBy(random, common);
}

function attributesOf(index: number): Attributes {
  if (index % 3 === 0) return { metadata: {} };
  return {
    contentType: index % 2 === 0 ? 'text/plain; charset=utf-8' : 'image/png',
    ...(index % 5 === 0 ? { cacheControl: 'max-age=60', contentDisposition: 'attachment; filename="a b"' } : {}),
    metadata: { 'owner-id': `u${index}`, ...(index % 4 === 0 ? { note: 'with = and ; in it' } : {}) },
  };
}
