import { bareSource } from './bare-source.ts';
import { bareTargets, type BareTarget } from './bare-targets.ts';
import { sideBySide } from './side-by-side.ts';
import { readWorld } from './world-file.ts';

/**
 * What the same bytes cost with no replicator at all: reads every object once and sends it to three targets with their
 * SDKs as they come. Nothing is recorded, compared, tried again by us or verified beyond what the SDKs do by themselves.
 */
const world = readWorld(process.argv[2]);
const source = bareSource(world.source);
const targets = bareTargets(world);

const concurrency = 32;
const bytesInFlight = 128 * 1024 ** 2;
const singleUpTo = 16 * 1024 ** 2;
const partSize = 8 * 1024 ** 2;
const partsAtOnce = 4;

const objects = await source.list();
const largest = objects.reduce((size, object) => Math.max(size, object.size), 1);
const perObject = largest <= singleUpTo ? largest : partsAtOnce * partSize;
await sideBySide(Math.max(1, Math.min(concurrency, Math.floor(bytesInFlight / perObject))), objects, async (object) => {
  if (object.size <= singleUpTo) await copyWhole(object.key);
  else await copyInParts(object.key, object.size);
});

async function copyWhole(key: string): Promise<void> {
  const bytes = await source.read(key);
  await Promise.all(targets.map(async (target) => await target.put(key, bytes)));
}

async function copyInParts(key: string, size: number): Promise<void> {
  const uploads = await Promise.all(targets.map(async (target: BareTarget) => await target.begin(key, size)));
  const count = Math.ceil(size / partSize);
  await sideBySide(partsAtOnce, [...Array(count).keys()], async (number) => {
    const bytes = await source.readRange(key, number * partSize, Math.min(size, (number + 1) * partSize));
    await Promise.all(uploads.map(async (upload) => await upload.part(number + 1, bytes)));
  });
  await Promise.all(uploads.map(async (upload) => await upload.complete()));
}
