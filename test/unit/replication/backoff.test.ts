import { expect, test } from 'vitest';
import { errorCodes } from '../../../src/objects/errors.ts';
import { jitter, verdictOn } from '../../../src/replication/backoff.ts';

const most = (): number => 1;

test('what time may mend is tried again soon; everything else waits for a person', () => {
  const states = Object.fromEntries(errorCodes.map((code) => [code, verdictOn(code, 0, most).state]));
  expect(states).toEqual({
    ...{ throttled: 'retry', unavailable: 'retry', aborted: 'retry', 'checksum-mismatch': 'retry', conflict: 'retry' },
    ...{ 'not-found': 'failed', denied: 'failed', invalid: 'failed', unsupported: 'failed' },
  });
  expect(verdictOn('denied', 0, most).delay).toBe(3_600_000);
});

test('a conflict is looked at again at once, three times', () => {
  expect([0, 1, 2, 3].map((attempts) => verdictOn('conflict', attempts, most).delay)).toEqual([0, 0, 0, 40_000]);
});

test('what conflicts again and again waits for a person', () => {
  expect(verdictOn('conflict', 9, most).state).toBe('retry');
  expect(verdictOn('conflict', 10, most)).toEqual({ state: 'failed', delay: 3_600_000 });
});

test('delays double up to ten minutes, and chance takes a part of them', () => {
  expect([0, 1, 2, 6, 7, 1000].map((attempts) => verdictOn('unavailable', attempts, most).delay)).toEqual([
    5_000, 10_000, 20_000, 320_000, 600_000, 600_000,
  ]);
  expect(jitter(5_000, 600_000, 2, () => 0.5)).toBe(10_000);
  expect(jitter(5_000, 600_000, 2, () => 0)).toBe(0);
});
