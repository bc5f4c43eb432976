import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { LiveLimits } from '../../src/live-limits.ts';
import { systemClock } from '../../src/objects/clock.ts';
import { noAttributes } from '../../src/objects/object.ts';
import { openSites } from '../../src/sites.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { calm } from '../contract/provider/room.ts';
import { newDirectory } from './filesystem/room.ts';

const options = { size: 10, partSize: 10, attributes: noAttributes };

test('an upload of a provider whose place was changed in the configuration is not that provider\u2019s any more', async () => {
  await using opened = new AsyncDisposableStack();
  const directory = await newDirectory();
  opened.defer(async () => await rm(directory, { recursive: true, force: true }));
  const open = async (prefix: string) => {
    const providers = { disk: { type: 'filesystem', path: directory, symlinks: 'skip', prefix } } as const;
    const core = { clock: systemClock, random: Math.random, log: silentLog, metrics: noMetrics };
    const limits = new LiveLimits(
      { limits: { memory: 2 ** 28, concurrency: 1 }, providers: { disk: {} } },
      systemClock,
    );
    const site = (await openSites(providers, core, limits, opened)).get('disk');
    if (site === undefined) throw new Error('It was not opened.');
    await site.connect('target', calm);
    return site.provider;
  };
  const { checkpoint } = await (await open('a/')).startUpload('k', options, calm);
  const [same, moved] = [await open('a/'), await open('b/')];
  const mark = (text: string): string => text.slice(0, text.indexOf(':'));
  expect(mark((await same.startUpload('k', options, calm)).checkpoint)).toBe(mark(checkpoint));
  expect(mark((await moved.startUpload('k', options, calm)).checkpoint)).not.toBe(mark(checkpoint));
  expect(await moved.resumeUpload('k', options, checkpoint, calm)).toBeUndefined();
});
