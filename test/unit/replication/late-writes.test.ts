import { expect, test } from 'vitest';
import { systemClock, type Clock } from '../../../src/objects/clock.ts';
import { intercept, type Interception } from '../../../src/providers/intercept.ts';
import { memoryCapabilities, MemoryProvider } from '../../../src/providers/memory/memory.ts';
import { patient } from '../../../src/providers/patient.ts';
import type { Part, Provider, Upload } from '../../../src/providers/provider.ts';
import { resilient } from '../../../src/providers/resilient.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { copyObject } from '../../../src/replication/copy.ts';
import { UploadJournal } from '../../../src/replication/upload-journal.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { calm, put } from '../../contract/provider/room.ts';
import { bytesOf } from '../../support/bytes.ts';
import { SleepingClock } from '../../support/hooked.ts';

const partSize = 1024;
const { limits } = memoryCapabilities;
const part = { min: partSize, max: partSize, multipleOf: partSize, maxCount: 100, order: 'any' } as const;

const passing: Interception = {
  around: (_, run, signal) => run(signal),
  body: (chunks) => chunks,
  list: (open) => open(),
};

/**
 * A disk on which the first write of the first part hangs until `wake`, whatever it is told, and is done then; as long the
 * file cannot be closed.
 */
function sleepyDisk() {
  const capabilities = { limits: { ...limits, maxPutSize: partSize, part }, attests: {} };
  const memory = new MemoryProvider({ name: 'disk', capabilities });
  const awake = Promise.withResolvers<void>();
  const late = Promise.withResolvers<Buffer>();
  let asleep = false;
  const withSleep = (upload: Upload): Upload => ({
    checkpoint: upload.checkpoint,
    complete: (digest, record, signal) => upload.complete(digest, record, signal),
    abort: (signal) => upload.abort(signal),
    leave: async () => {
      await late.promise;
      await upload.leave();
    },
    part: async (given: Part, signal) => {
      if (given.number === 1 && !asleep) {
        asleep = true;
        await awake.promise;
        late.resolve(Buffer.from(given.bytes));
      }
      await upload.part(given, signal);
    },
  });
  const bare = intercept(memory, passing);
  const startUpload: Provider['startUpload'] = async (key, options, signal) =>
    withSleep(await memory.startUpload(key, options, signal));
  const provider: Provider = { ...bare, startUpload };
  return { memory, provider, wake: awake.resolve, late: late.promise };
}

/** Notes nothing, and says that it did: the upload counts as one that is gone on with. */
const journal = new UploadJournal(
  { intendUpload: async () => 1, noteUploads: async () => true, uploadsOf: async () => [] },
  { objectId: 1, token: 1 },
  systemClock,
);

/** What takes seconds takes milliseconds. */
const hasty: Clock = { ...systemClock, after: (ms, then) => systemClock.after(ms / 1000, then) };

test('a write that hung and is done late writes the bytes it was given, not those of a later part', async () => {
  const { memory, provider, wake, late } = sleepyDisk();
  const clock = new SleepingClock();
  const impatient = patient(provider, { request: { part: 5 }, grace: 5 });
  const steady = resilient(impatient, { clock, random: () => 0 });
  const capabilities = await memory.connect('target', calm);
  const bytes = bytesOf(12 * partSize);
  const source = new MemoryProvider({ name: 'source' });
  const { version } = await put(source, 'big', bytes);
  const from = { provider: source, key: 'big', version, size: bytes.length };
  const job = { from, sourceVersion: version, sourceModifiedAt: 1, sha256: null };
  const options = {
    ...({ method: 'read', now: () => 1, onBytes: () => undefined, onSourceBytes: () => undefined } as const),
    ...{ budget: new ByteBudget(partSize), clock: hasty, log: silentLog, uploads: journal },
  };
  const destinations = [
    { name: 'disk', provider: steady, capabilities, occupied: null },
    { name: 'another', provider: new MemoryProvider({ name: 'another' }), capabilities, occupied: null },
  ];
  const { outcomes } = await copyObject({ ...job, destinations }, options, calm);
  wake();
  expect((await late).equals(bytes.subarray(0, partSize))).toBe(true);
  expect(outcomes.get('disk')).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/did not stop when it was told to/) as string,
  });
  expect(outcomes.get('another')).toMatchObject({ version: expect.any(String) as string });
});
