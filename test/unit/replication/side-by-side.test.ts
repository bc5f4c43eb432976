import { expect, test } from 'vitest';
import { ProviderError } from '../../../src/objects/errors.ts';
import { systemClock, type Clock } from '../../../src/objects/clock.ts';
import { Convoy, LeftBehind } from '../../../src/replication/convoy.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { sideBySide } from '../../../src/replication/side-by-side.ts';

const calm = new AbortController().signal;

/** Every timer goes off as soon as others had their turn, unless it was cancelled; `onPause` hears how long it was. */
function hurrying(onPause: (ms: number) => void = () => undefined, now: () => number = () => 0): Clock {
  const after: Clock['after'] = (ms, run) => {
    const immediate = setImmediate(() => {
      onPause(ms);
      run();
    });
    return () => clearImmediate(immediate);
  };
  return { ...systemClock, now, after };
}

const hurried = hurrying();
const never: Clock = { ...systemClock, now: () => 0, after: () => () => undefined };

async function untilAborted(signal: AbortSignal): Promise<string> {
  return await new Promise((_, reject) => {
    const abort = (): void => reject(new ProviderError('aborted', 'aborted', { provider: 'slow' }));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
}

test('one that stalls is left behind once another has the bytes', async () => {
  const outcomes = await sideBySide(
    [
      { name: 'fast', run: async () => 'done' },
      { name: 'slow', run: untilAborted },
    ],
    { key: 'k', bytes: 10, clock: hurried, signal: calm },
  );
  expect(outcomes.get('fast')).toBe('done');
  expect(outcomes.get('slow')).toMatchObject({ code: 'unavailable', provider: 'slow' });
});

test('one that waits for its turn and gets on is not left behind', async () => {
  const slow = Promise.withResolvers<string>();
  let now = 0;
  let pauses = 0;
  const clock = hurrying(
    (ms) => {
      now += ms;
      pauses += 1;
      if (pauses === 3) slow.resolve('late');
    },
    () => now,
  );
  const outcomes = await sideBySide(
    [
      { name: 'fast', run: async () => 'done' },
      { name: 'slow', run: async () => await slow.promise, progressedAt: () => now - 1 },
    ],
    { key: 'k', bytes: 10, clock, signal: calm },
  );
  expect(outcomes.get('slow')).toBe('late');
});

test('nobody is left behind while nobody has succeeded', async () => {
  const slow = Promise.withResolvers<string>();
  const running = sideBySide(
    [
      { name: 'bad', run: async () => await Promise.reject(new ProviderError('denied', 'no', { provider: 'bad' })) },
      { name: 'slow', run: async () => await slow.promise },
    ],
    { key: 'k', bytes: 10, clock: hurried, signal: calm },
  );
  await new Promise((resolve) => setImmediate(resolve));
  slow.resolve('late');
  const outcomes = await running;
  expect(outcomes.get('slow')).toBe('late');
  expect(outcomes.get('bad')).toMatchObject({ code: 'denied' });
});

test('all that follow in time count, and an abort from outside ends all', async () => {
  const errands = ['a', 'b'].map((name) => ({ name, run: async () => name }));
  const surroundings = { key: 'k', bytes: 0, clock: never, signal: calm };
  expect([...(await sideBySide(errands, surroundings)).values()]).toEqual(['a', 'b']);
  const controller = new AbortController();
  const running = sideBySide([{ name: 'a', run: untilAborted }], { ...surroundings, signal: controller.signal });
  controller.abort();
  expect((await running).get('a')).toMatchObject({ code: 'aborted' });
});

test('who leaves the convoy is left behind everywhere at once, as due as before, and is not begun again with', async () => {
  const convoy = new Convoy(never, silentLog);
  const surroundings = { key: 'k', bytes: 0, clock: never, signal: calm, convoy };
  const errands = [
    { name: 'fast', run: async () => 'done' },
    { name: 'slow', run: untilAborted },
  ];
  const running = [sideBySide(errands, surroundings), sideBySide(errands, surroundings)];
  convoy.leave('slow', 'a test');
  for (const outcomes of [...running, sideBySide(errands, surroundings)]) {
    expect((await outcomes).get('fast')).toBe('done');
    expect((await outcomes).get('slow')).toBeInstanceOf(LeftBehind);
  }
  expect(convoy.isBehind('slow')).toBe(true);
});

test('one whose calls fail is given up on sooner, and leaves the convoy', async () => {
  const convoy = new Convoy(hurried, silentLog);
  const pauses: number[] = [];
  const clock = hurrying((ms) => void pauses.push(ms));
  const errands = [
    { name: 'fast', run: async () => 'done' },
    { name: 'slow', run: untilAborted, isUnwell: () => true },
  ];
  const outcomes = await sideBySide(errands, { key: 'k', bytes: 0, clock, signal: calm, convoy });
  expect(outcomes.get('slow')).toBeInstanceOf(LeftBehind);
  expect([pauses[0], convoy.isBehind('slow')]).toEqual([1_000, true]);
});
