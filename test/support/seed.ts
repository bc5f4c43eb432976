import { randomInt } from 'node:crypto';

/** The seed of a random test: `HOLDFAST_SEED` where given, else a new one. Printed, so that a failure can be run again. */
export function printedSeed(test: string): number {
  const given = Number(process.env['HOLDFAST_SEED']);
  const seed = Number.isSafeInteger(given) && given > 0 ? given : randomInt(1, 2 ** 31);
  process.stderr.write(`${test}: HOLDFAST_SEED=${seed}\n`);
  return seed;
}
