import { expect, test } from 'vitest';
import { Refusal, translate } from '../../../src/providers/filesystem/errors.ts';

const context = { provider: 'disk', key: 'k', path: '/data', signal: new AbortController().signal };

function failure(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: text`), { code, syscall: 'open', ...(path === undefined ? {} : { path }) });
}

test.each([
  ['ENOENT', 'not-found'],
  ['ENOTDIR', 'not-found'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
  ['EROFS', 'denied'],
  ['ENOSPC', 'unavailable'],
  ['EDQUOT', 'unavailable'],
  ['EIO', 'unavailable'],
  ['EMFILE', 'unavailable'],
  ['EBUSY', 'unavailable'],
  ['ESTALE', 'unavailable'],
  ['ETIMEDOUT', 'unavailable'],
  ['ENAMETOOLONG', 'unsupported'],
  ['EXDEV', 'unsupported'],
  ['EEXIST', 'conflict'],
])('%s is %s', (code, expected) => {
  const error = translate(failure(code, '/data/file'), context);
  expect(error).toMatchObject({ code: expected, provider: 'disk', key: 'k' });
  expect(error.message).toContain('/data/file');
  expect(error.message).toContain(code);
});

test('a full disk says so, and where, even when the system call names no path', () => {
  expect(translate(failure('ENOSPC'), context).message).toMatch(/^\/data: no space left on the disk/);
});

test('an abort is aborted, a refusal keeps its words, and a fault of our own does not pass for another', () => {
  const signal = AbortSignal.abort();
  expect(translate(signal.reason, { ...context, signal })).toMatchObject({ code: 'aborted' });
  expect(translate(failure('EIO'), { ...context, signal })).toMatchObject({ code: 'unavailable' });
  expect(translate(new Refusal('conflict', 'words'), context)).toMatchObject({ code: 'conflict', message: 'words' });
  expect(translate(new TypeError('bug'), context)).toMatchObject({ code: 'invalid' });
});
