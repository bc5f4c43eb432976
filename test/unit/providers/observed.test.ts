import { expect, test } from 'vitest';
import { observed } from '../../../src/providers/observed.ts';
import { resilient } from '../../../src/providers/resilient.ts';
import { uploadWhole } from '../../contract/provider/parts.ts';
import { calm, collect, expectError, put, readAll } from '../../contract/provider/room.ts';
import { bytesOf } from '../../support/bytes.ts';
import { Hooked, SleepingClock } from '../../support/hooked.ts';

function opened() {
  const inner = new Hooked({ pageSize: 2 });
  const seen: string[] = [];
  const provider = observed(inner.provider, (name, operation, outcome, seconds) => {
    expect([name, seconds >= 0]).toEqual(['memory', true]);
    seen.push(`${operation} ${outcome}`);
  });
  return { inner, seen, provider };
}

test('every request is reported once', async () => {
  const { seen, provider } = opened();
  await provider.connect('target', calm);
  await put(provider, 'k', 'x');
  await readAll(provider, 'k');
  await uploadWhole(provider, 'u', bytesOf(30), 20);
  await provider.delete('k', {}, calm);
  expect(seen).toEqual(
    ['connect', 'put', 'read', 'start-upload', 'part', 'part', 'complete', 'delete'].map((name) => `${name} ok`),
  );
});

test('a failure is reported with its code, a foreign one as invalid', async () => {
  const { inner, seen, provider } = opened();
  await expectError(provider.head('k', calm), 'not-found');
  inner.failWith('denied');
  await expectError(provider.head('k', calm), 'denied');
  inner.before = () => {
    throw new Error('a mistake');
  };
  await expect(provider.head('k', calm)).rejects.toThrow('a mistake');
  expect(seen).toEqual(['head not-found', 'head denied', 'head invalid']);
});

test('of a listing every page is reported, and its end only where there was none', async () => {
  const { inner, seen, provider } = opened();
  await collect(provider);
  expect(seen.splice(0)).toEqual(['list ok']);
  for (const key of ['a', 'b', 'c']) await put(inner.memory, key, key);
  await collect(provider);
  expect(seen.splice(0)).toEqual(['list ok', 'list ok']);
  for await (const _ of provider.list({}, calm)) break;
  expect(seen.splice(0)).toEqual(['list ok']);
  inner.listing = async function* (open) {
    for await (const page of open()) {
      yield page;
      throw inner.error('unavailable');
    }
  };
  await expectError(collect(provider), 'unavailable');
  expect(seen).toEqual(['list ok', 'list unavailable']);
});

test('attempts are reported one by one', async () => {
  const { inner, seen, provider } = opened();
  inner.failWith('unavailable', 2);
  await put(resilient(provider, { clock: new SleepingClock(), random: () => 0 }), 'k', 'x');
  expect(seen).toEqual(['put unavailable', 'put unavailable', 'put ok']);
});
