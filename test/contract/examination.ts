import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/objects/clock.ts';
import {
  questions,
  type ExaminableProvider,
  type Examination,
  type Question,
  type Verdict,
} from '../../src/providers/examination.ts';
import type { Provider, ProviderRole } from '../../src/providers/provider.ts';
import { calm, expectError, put } from './provider/room.ts';

/** Below which the provider that is examined keeps everything. */
export const prefix = 'mine/';

export interface ExaminationFixture {
  open(): Promise<OpenedForExamination>;
  /** What an examination as a target finds; questions that are left out may have any answer. */
  readonly finds: Readonly<Partial<Record<Question, Verdict>>>;
}

export interface OpenedForExamination {
  /** Has the prefix `mine/`, and is not connected. */
  readonly provider: ExaminableProvider;
  /** The same place without a prefix: what somebody else keeps there. */
  readonly neighbour: Provider;
  /** Whatever is there, Holdfast's own keys included, by the names they have there. */
  keys(): Promise<string[]>;
  close(): Promise<void>;
}

/** What any place that works finds as a target. */
const working: ExaminationFixture['finds'] = {
  ...{ list: 'allowed', read: 'allowed', write: 'allowed', overwrite: 'allowed', upload: 'allowed' },
  ...{ 'abort-upload': 'allowed', delete: 'allowed', 'reserved-hidden': 'yes', 'same-clock': 'yes' },
  ...{ 'conditional-create': 'enforced', 'conditional-overwrite': 'enforced' },
};

/** What the comment of `ExaminableProvider` promises, as cases. */
export function describeExamination(name: string, fixture: ExaminationFixture): void {
  describe(`the examination of ${name}`, { timeout: 60_000 }, () => {
    let room: OpenedForExamination;
    beforeAll(async () => {
      room = await fixture.open();
      await room.neighbour.connect('source', calm);
    });
    afterAll(async () => await room.close());
    const examine = (role: ProviderRole, signal = calm): Promise<Examination> =>
      room.provider.examine({ role, clock: systemClock }, signal);

    test('as a source writes nothing, and says what is not known for that', async () => {
      const before = await room.keys();
      const { answers, left } = await examine('source');
      expect(await room.keys()).toEqual(before);
      expect(left).toEqual([]);
      expect(found(answers)).toMatchObject({ list: 'allowed', read: 'not-tried', 'put-checksum': 'not-tried' });
    });

    test('as a source reads the beginning of what is there', async () => {
      await put(room.neighbour, `${prefix}note`, 'written by somebody');
      expect(found((await examine('source')).answers)).toMatchObject({ list: 'allowed', read: 'allowed' });
    });

    test('as a target finds what is there, and leaves nothing but what it names', async () => {
      await put(room.neighbour, 'other', 'of a neighbour');
      await put(room.neighbour, `${prefix}note-2`, 'of a user');
      const before = await room.keys();
      const heads = await Promise.all(['other', `${prefix}note-2`].map((key) => room.neighbour.head(key, calm)));

      const { answers, left, limits } = await examine('target');
      expect(found(answers)).toMatchObject({ ...working, ...fixture.finds });
      expect(limits.part.maxCount).toBeGreaterThan(1_000);
      const unnamed = (await room.keys())
        .filter((key) => !before.includes(key))
        .filter((key) => !left.some((what) => key.startsWith(what.split(' (')[0] ?? '')));
      expect(unnamed).toEqual([]);
      const again = await Promise.all(['other', `${prefix}note-2`].map((key) => room.neighbour.head(key, calm)));
      expect(again).toEqual(heads);
    });

    test('answers every question once, in their order', async () => {
      const asked = (await examine('target')).answers.map(({ question }) => question);
      expect(asked).toEqual(questions.filter((question) => asked.includes(question)));
    });

    test('ends when it is told to', async () => {
      const before = await room.keys();
      await expectError(examine('target', AbortSignal.abort()), 'aborted');
      expect(await room.keys()).toEqual(before);
    });
  });
}

export function found(answers: Examination['answers']): Partial<Record<Question, Verdict>> {
  return Object.fromEntries(answers.map(({ question, answer }) => [question, answer]));
}
