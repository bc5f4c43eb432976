import { expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { systemClock } from '../../../src/objects/clock.ts';
import { Leases } from '../../../src/replication/leases.ts';
import { silentLog } from '../../../src/telemetry/log.ts';

test('what is claimed again while the leases are renewed is not given up for the older lease', async () => {
  let tick = (): void => undefined;
  const after: typeof systemClock.after = (_, done) => {
    tick = done;
    return () => undefined;
  };
  const renewed = Promise.withResolvers<readonly number[]>();
  const asked = Promise.withResolvers<void>();
  const renew = async (): Promise<readonly number[]> => {
    asked.resolve();
    return await renewed.promise;
  };
  const catalog = { renew } as unknown as Catalog;
  const leases = new Leases({ catalog, clock: { ...systemClock, after }, log: silentLog });
  const alive = leases.keepAlive(new AbortController().signal);
  using older = leases.hold({ objectId: 1, token: 1 });
  using other = leases.hold({ objectId: 2, token: 1 });
  tick();
  await asked.promise;
  using newer = leases.hold({ objectId: 1, token: 2 });
  renewed.resolve([1]);
  await alive[Symbol.asyncDispose]();
  expect([older.signal.aborted, newer.signal.aborted, other.signal.aborted]).toEqual([true, false, false]);
});
