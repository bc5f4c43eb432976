import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { OpenFile } from '../../../src/providers/filesystem/disk.ts';
import { Threads } from '../../../src/providers/filesystem/threads.ts';

/** Reads wait here until the test lets them begin, as they do while all of Node's threads are taken. */
const held = vi.hoisted((): (() => void)[] => []);

vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs')>();
  const read = (...args: unknown[]): void => void held.push(() => void Reflect.apply(real.read, real, args));
  return { ...real, read, default: { ...real, read } };
});

test('a file is not closed while a read that nobody waits for any more has not begun: its number may be another\u2019s then', async () => {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-open-file-'));
  opened.defer(async () => await rm(directory, { recursive: true, force: true }));
  const [mine, other] = [join(directory, 'mine'), join(directory, 'other')];
  await writeFile(mine, 'mine');
  await writeFile(other, 'other');
  const handle = await open(mine);
  const file = new OpenFile(handle, new Threads(4).share());
  const buffer = Buffer.alloc(4);
  const reading = file.read(buffer, 4, 0, new AbortController().signal);
  await vi.waitFor(() => expect(held).toHaveLength(1));
  const closing = file.close();
  // Whatever is opened now would get its number, were it free.
  await using another = await open(other);
  expect(another.fd).not.toBe(handle.fd);
  held.shift()?.();
  expect(await reading).toBe(4);
  expect(buffer.toString()).toBe('mine');
  await closing;
  expect(handle.fd).toBe(-1);
});
