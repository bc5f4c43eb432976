import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MiB = 1024 * 1024;

/** What the runtime, the SDKs and their garbage may take besides the objects' bytes, for each thread that works. */
const overhead = 75 * MiB;

const lookEvery = 1_000;
/** More of a heap takes longer to collect, so that it rests in between, unless what is left of the promise is little. */
const collectAtMostEvery = 3_000;
const urgent = 35 * MiB;

/**
 * V8 lets the young generation grow to 128 MiB on a large machine, and what is garbage there keeps the buffers alive
 * that it held. Measured: with a quarter of it the process is some 200 MiB smaller, and no slower.
 */
const youngAtMost = 32 * MiB;
const lookAtYoungEvery = 100;

/**
 * V8 lets garbage pile up as long as the machine has memory to spare, to hundreds of MiB here; `limits.memory` is a
 * promise all the same. Keeps the young generation small, and collects when the process is above the limit: live data
 * is a few dozen MiB, which takes some 50 ms. `threads`: how many work now.
 */
export function watchMemory(limit: number, threads: () => number = () => 1): Disposable {
  return watching([setInterval(collector(limit, threads), lookEvery), setInterval(youngKeeper(), lookAtYoungEvery)]);
}

/** What a worker thread is begun with, which bounds its young generation. In MiB, as V8 counts. */
export const threadLimits = { maxYoungGenerationSizeMb: youngAtMost / MiB };

/** The same in a worker thread, for its own garbage. */
export function watchMemoryOfThread(limit: number, threads: () => number): Disposable {
  return watching([setInterval(collector(limit, threads), lookEvery)]);
}

function watching(timers: readonly NodeJS.Timeout[]): Disposable {
  for (const timer of timers) timer.unref();
  return {
    [Symbol.dispose]: () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

function collector(limit: number, threads: () => number): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let collectedAt = -Infinity;
  return () => {
    const now = performance.now();
    const above = process.memoryUsage.rss() - limit - overhead * threads();
    if (above < 0 || (above < urgent && now - collectedAt < collectAtMostEvery)) return;
    collectedAt = now;
    collect();
  };
}

/** The factor by which it grows is asked at every collection: 1 stops it where it is. */
function youngKeeper(): () => void {
  let growing = true;
  return () => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
    const grow = young < youngAtMost;
    if (grow === growing) return;
    growing = grow;
    setFlagsFromString(`--semi-space-growth-factor=${grow ? 2 : 1}`);
  };
}
