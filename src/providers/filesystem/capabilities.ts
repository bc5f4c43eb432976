import type { Capabilities } from '../provider.ts';

const mebibyte = 1024 * 1024;

/** A filesystem checks nothing: what was written counts only after it was read back. */
export const capabilities: Capabilities = {
  listing: 'ordered',
  attests: {},
  wants: { put: [], part: [], upload: [] },
  conditionalWrites: true,
  preciseTimes: true,
  freeReads: true,
  conditionalDeletes: true,
  limits: {
    maxObjectSize: Number.MAX_SAFE_INTEGER,
    maxPutSize: 64 * mebibyte,
    part: { min: 1, max: 1024 * mebibyte, multipleOf: 1, maxCount: 1_000_000, order: 'any' },
  },
};
