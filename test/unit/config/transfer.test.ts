import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { fromTransfer, toTransfer } from '../../../src/config/transfer.ts';

const text = `
catalog: sqlite:./catalog.db
providers:
  disk: { type: filesystem, path: ./disk, limits: { bandwidth: 1MiB/s } }
  aws:
    type: s3
    bucket: b
    region: eu-central-1
    credentials: { accessKeyId: AKIAEXAMPLE, secretAccessKey: "wJalrXUtnFEMI" }
policies:
  - { name: p, source: disk, targets: [aws], minCopies: 1, include: ["a/**"], deletes: { mode: propagate, after: 30d } }
http: { token: "not-for-everybody" }
`;

test('a configuration survives being posted to a thread, and its secrets are hidden there too', () => {
  const { config } = loadConfig('x.yaml', { readFile: () => Buffer.from(text) });
  const received = fromTransfer(structuredClone(toTransfer(config)));
  expect(received).toEqual(config);
  expect(JSON.stringify(received)).toBe(JSON.stringify(config));
  expect(inspect(received, { depth: null })).not.toMatch(/wJalrXUtnFEMI|not-for-everybody/);
  expect(received.http.token?.reveal()).toBe('not-for-everybody');
});
