import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Running } from '../support/cli.ts';
import { endLeases, openLargeWorld, sha256OfFile, writeLarge, type LargeWorld } from '../support/large-world.ts';

const MiB = 1024 * 1024;
const size = 300 * MiB + 17;
const configured = ['-c', 'holdfast.yaml'];

/** Until half of the bytes went to every target, or the program ended. */
async function halfWay({ targets }: LargeWorld, running: Running): Promise<void> {
  const isHalfWay = () => targets.every((target) => target.sent() >= size / 2);
  while (running.child.exitCode === null && !isHalfWay()) await new Promise((wake) => setTimeout(wake, 5));
}

interface Told {
  readonly policies: readonly [
    { readonly outcome: string; readonly copied: number; readonly inPlace: number; readonly failed: number },
  ];
}

test('a large upload killed half-way sends only a little again, at every provider', { timeout: 300_000 }, async () => {
  // Two parts of 8 MiB under way at most: a small share of the file.
  await using world = await openLargeWorld({ memory: '32MiB' });
  const { desk, targets } = world;
  const sha256 = await writeLarge(desk.at('source', 'film'), size, 'resume');
  const running = desk.start(['reconcile', ...configured]);
  await halfWay(world, running);
  const killed = await running.signal('SIGKILL');
  expect(killed).toMatchObject({ code: null });
  // On a busy machine one target may be done when another one has half: what is visible is whole.
  const visible = (await readdir(desk.at('disk'))).filter((name) => name !== '.holdfast');
  for (const name of visible) expect(await sha256OfFile(desk.at('disk', name))).toBe(sha256);

  endLeases(desk);
  const { code, document } = await desk.json<Told>('reconcile', ...configured);
  const [{ outcome, copied, inPlace, failed }] = document.policies;
  expect({ outcome, copies: copied + inPlace, failed }).toEqual({ outcome: 'complete', copies: 4, failed: 0 });
  expect(code).toBe(0);
  for (const target of targets) {
    const sentAgain = target.sent() / size - 1;
    expect(sentAgain).toBeLessThan(0.2);
    expect(await target.sha256('film')).toBe(sha256);
  }
  expect(await sha256OfFile(desk.at('disk', 'film'))).toBe(sha256);
  expect(await readdir(desk.at('disk', '.holdfast', 'tmp'))).toEqual([]);
});
