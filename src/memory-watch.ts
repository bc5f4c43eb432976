import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MiB = 1024 * 1024;

/** What the runtime, the SDKs and their garbage may take besides the objects' bytes. */
const overhead = 100 * MiB;

const lookEvery = 1_000;
const collectAtMostEvery = 5_000;

/**
 * V8 lets garbage pile up as long as the machine has memory to spare, to hundreds of MiB here; `limits.memory` is a
 * promise all the same. Collects when the process is above it: live data is a few dozen MiB, which takes some 50 ms.
 */
export function watchMemory(limit: number): Disposable {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let collectedAt = -Infinity;
  const timer = setInterval(() => {
    const now = performance.now();
    if (process.memoryUsage.rss() < limit + overhead || now - collectedAt < collectAtMostEvery) return;
    collectedAt = now;
    collect();
  }, lookEvery);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
