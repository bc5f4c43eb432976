import { parentPort, workerData } from 'node:worker_threads';
import type { Beginning } from './messages.ts';
import { WorkerThread } from './worker-thread.ts';

if (parentPort === null) throw new Error('this file is run by Holdfast, as a thread of its own');
await WorkerThread.run(workerData as Beginning, parentPort);
// Everything is closed; what a library left open must not keep the thread.
process.exit();
