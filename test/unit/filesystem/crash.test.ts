import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Key } from '../../../src/objects/key.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import { openFilesystem } from '../../../src/providers/filesystem/filesystem.ts';
import { calm, list, openRoom, put, readText, recordOf } from './room.ts';

/** The process dies at the `at`th call that changes the disk: that call and all after it do nothing. */
const dying = vi.hoisted(() => ({ at: Infinity, calls: [] as string[] }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  const dies = <Arguments extends unknown[], Result>(name: string, call: (...given: Arguments) => Promise<Result>) => {
    return async (...given: Arguments): Promise<Result> => {
      dying.calls.push(`${name} ${given.map(String).join(' ')}`);
      if (dying.calls.length >= dying.at) throw new Error('the process died');
      return await call(...given);
    };
  };
  return {
    ...original,
    open: dies('open', original.open as (...given: unknown[]) => Promise<unknown>),
    link: dies('link', original.link),
    mkdir: dies('mkdir', original.mkdir as (...given: unknown[]) => Promise<unknown>),
    rename: dies('rename', original.rename),
    rmdir: dies('rmdir', original.rmdir),
    unlink: dies('unlink', original.unlink),
  };
});

beforeEach(() => {
  dying.at = Infinity;
});

interface Story {
  /** The key's content before, null for none. */
  readonly before: string | null;
  readonly after: string | null;
  readonly prepare: (provider: Provider, path: string) => Promise<unknown>;
  readonly act: (provider: Provider) => Promise<unknown>;
}

const key: Key = 'dir/a';
const absent = { precondition: { absent: true } } as const;

const stories: Readonly<Record<string, Story>> = {
  'a new object': {
    before: null,
    after: 'new',
    prepare: async () => undefined,
    act: (provider) => put(provider, key, 'new'),
  },
  'an object that must be absent': {
    before: null,
    after: 'new',
    prepare: async () => undefined,
    act: (provider) => put(provider, key, 'new', absent),
  },
  'an object that must be absent, where the sidecar of one that somebody removed is left': {
    before: null,
    after: 'new',
    prepare: async (provider, path) => {
      await put(provider, key, 'old');
      await rm(join(path, key));
    },
    act: (provider) => put(provider, key, 'new', absent),
  },
  'any object, where such a sidecar is left': {
    before: null,
    after: 'new',
    prepare: async (provider, path) => {
      await put(provider, key, 'old');
      await rm(join(path, key));
    },
    act: (provider) => put(provider, key, 'new'),
  },
  'over an object of another size': {
    before: 'older',
    after: 'new',
    prepare: (provider) => put(provider, key, 'older'),
    act: (provider) => put(provider, key, 'new'),
  },
  'over an object of the same size and time': {
    before: 'old',
    after: 'new',
    prepare: (provider) => put(provider, key, 'old'),
    act: (provider) => put(provider, key, 'new'),
  },
  'over a foreign file of the same size and time': {
    before: 'old',
    after: 'new',
    prepare: async (provider, path) => {
      await put(provider, 'dir/other', '');
      await writeFile(join(path, key), 'old');
      await utimes(join(path, key), 1_700_000_000, (1_700_000_000_123 + 0.0005) / 1_000);
    },
    act: (provider) => put(provider, key, 'new'),
  },
  'over an encoded object': {
    before: 'old',
    after: 'new',
    prepare: async (provider) => {
      await put(provider, `${key}/b`, 'x');
      await put(provider, key, 'old');
    },
    act: (provider) => put(provider, key, 'new'),
  },
  'over a plain file that hides an encoded object': {
    before: 'plain',
    after: 'new',
    prepare: hideEncoded,
    act: (provider) => put(provider, key, 'new'),
  },
  'a delete': {
    before: 'old',
    after: null,
    prepare: (provider) => put(provider, key, 'old'),
    act: (provider) => provider.delete(key, {}, calm),
  },
  'a delete of a file that hides an encoded object': {
    before: 'plain',
    after: null,
    prepare: hideEncoded,
    act: (provider) => provider.delete(key, {}, calm),
  },
};

async function hideEncoded(provider: Provider, path: string): Promise<void> {
  await put(provider, `${key}/b`, 'x');
  await put(provider, key, 'encoded');
  await rm(join(path, key), { recursive: true });
  await writeFile(join(path, key), 'plain');
}

test.each(Object.entries(stories))('whenever the process dies: %s', async (_, story) => {
  for (let at = 1; ; at += 1) {
    await using room = await openRoom();
    await story.prepare(room.provider, room.path);
    dying.calls.length = 0;
    dying.at = at;
    const died = await story.act(room.provider).then(
      () => false,
      () => true,
    );
    dying.at = Infinity;
    await expectWhole(room.path, story, died);
    if (!died) return;
  }
});

/** Seen by the next process: the old object or the new one, whole, listed once, and with no record but its own. */
async function expectWhole(path: string, { before, after, act }: Story, died: boolean): Promise<void> {
  const provider = openFilesystem({ name: 'next', path });
  await provider.connect('target', calm);
  const { entries } = await list(provider);
  const found = entries.filter((entry) => entry.key === key);
  const content = found.length === 0 ? null : await readText(provider, key);
  expect(found.length).toBeLessThan(2);
  expect(died ? [before, after] : [after]).toContain(content);
  if (content !== null) {
    const { record } = await provider.head(key, calm);
    const own = await recordOf(Buffer.from(content));
    if (record !== undefined) expect(record).toEqual(own);
    if (!died) expect(record).toBeDefined();
  }
  // And the work can be done again.
  if (content !== after) {
    await act(provider);
    const again = (await list(provider)).keys.includes(key) ? await readText(provider, key) : null;
    expect(again).toBe(after);
  }
}

/** What became durable, in order: renames, links, removals, and syncs of directories (which are opened with O_DIRECTORY). */
function durableSteps(): string[] {
  const name = (path: string): string => (path.includes('/meta') ? 'sidecar' : 'object');
  return dying.calls.flatMap((call) => {
    const [verb = '', from = '', to = ''] = call.split(' ');
    if (verb === 'open') return /^\d+$/.test(to) ? [`sync ${name(from)}`] : [];
    if (verb === 'rename' || verb === 'link') return [`${verb} ${name(to)}`];
    return verb === 'unlink' && !from.includes('/tmp/') ? [`unlink ${name(from)}`] : [];
  });
}

test('over a twin, the old sidecar is gone for good before the new object shows, and that before its own sidecar', async () => {
  await using room = await openRoom();
  await put(room.provider, key, 'old');
  dying.calls.length = 0;
  await put(room.provider, key, 'new');
  expect(durableSteps()).toEqual([
    ...['unlink sidecar', 'sync sidecar'],
    ...['rename object', 'sync object'],
    ...['rename sidecar', 'sync sidecar'],
  ]);
});

test('elsewhere the sidecar comes first, and replaces an old one for good before the object shows', async () => {
  await using room = await openRoom();
  await put(room.provider, key, 'older');
  dying.calls.length = 0;
  await put(room.provider, key, 'new');
  expect(durableSteps()).toEqual(['rename sidecar', 'sync sidecar', 'rename object', 'sync object']);
});

test('where nothing stood both become durable at once, and the object comes first only where nothing may stand', async () => {
  await using room = await openRoom();
  await put(room.provider, 'dir/b', 'x');
  dying.calls.length = 0;
  await put(room.provider, key, 'new');
  expect(durableSteps()).toEqual(['rename sidecar', 'rename object', 'sync object', 'sync sidecar']);
  dying.calls.length = 0;
  await put(room.provider, 'dir/c', 'new', absent);
  expect(durableSteps()).toEqual(['link object', 'rename sidecar', 'sync object', 'sync sidecar']);
});

test('a file that hides another is deleted only after the hidden one is gone for good', async () => {
  await using room = await openRoom();
  await hideEncoded(room.provider, room.path);
  dying.calls.length = 0;
  await room.provider.delete(key, {}, calm);
  expect(durableSteps()).toEqual(['unlink object', 'sync object', 'unlink object', 'sync object', 'unlink sidecar']);
});

test('a write that failed leaves no temporary file behind', async () => {
  await using room = await openRoom();
  await put(room.provider, 'taken', 'x');
  await expect(put(room.provider, 'taken', 'y', absent)).rejects.toMatchObject({ code: 'conflict' });
  expect((await list(room.provider)).keys).toEqual(['taken']);
  const { readdir } = await import('node:fs/promises');
  expect(await readdir(join(room.path, '.holdfast/tmp'))).toEqual([]);
});
