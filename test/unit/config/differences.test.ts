import { expect, test } from 'vitest';
import { differences } from '../../../src/config/differences.ts';
import { load, right, rightBut } from './fixture.ts';

const before = load(right).config;

test('limits are taken over; everything else needs a restart and is named, without its value', () => {
  const yaml = `${rightBut(
    [['providers', 'aws', 'limits'], { bandwidth: '1MiB/s', requests: 10 }],
    [['providers', 'aws', 'credentials', 'secretAccessKey'], 'another'],
    [['providers', 'azure', 'timeouts'], { call: '5m' }],
    [['policies', 0, 'minCopies'], 1],
    [
      ['policies', 0, 'targets'],
      ['aws', 'gcp'],
    ],
    [['http', 'listen'], '127.0.0.1:9090'],
  )}limits: { memory: 128MiB, concurrency: 4, bandwidth: 2MiB/s }`;
  const { live, restart } = differences(before, load(yaml).config);
  expect(new Set(live)).toEqual(new Set(['limits.concurrency', 'limits.bandwidth', 'providers.aws.limits']));
  expect(new Set(restart)).toEqual(
    new Set([
      'limits.memory',
      'providers.aws.credentials.secretAccessKey',
      'providers.azure.timeouts',
      'policies[0].minCopies',
      'policies[0].targets',
      'http.listen.port',
    ]),
  );
});

test('a provider or policy that comes or goes is named as a whole; the same file differs in nothing', () => {
  expect(differences(before, load(right).config)).toEqual({ live: [], restart: [] });
  const more = load(rightBut([['providers', 'spare'], { type: 'filesystem', path: '/spare' }])).config;
  expect(differences(before, more)).toEqual({ live: [], restart: ['providers.spare'] });
  expect(differences(more, before)).toEqual({ live: [], restart: ['providers.spare'] });
});
