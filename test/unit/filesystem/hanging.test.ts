import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { newDirectory } from './room.ts';

const child = resolve(import.meta.dirname, '../../support/hanging-disk.ts');

test('a disk that hangs leaves threads to other disks, to names and to the rest, also when nobody waits for it any more', async () => {
  const directory = await newDirectory();
  try {
    const env = { PATH: process.env['PATH'], UV_THREADPOOL_SIZE: '4' };
    const { stdout } = await promisify(execFile)(process.execPath, [child, directory], {
      env,
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 3)).toEqual(['the other target takes copies', 'names are looked up', 'bytes are compressed']);
    const given = lines.slice(3, 15);
    expect(given.every((line) => line.includes('"hanging"'))).toBe(true);
    expect(lines.slice(15)).toEqual(['also after they were given up']);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
