import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { azureDialect, gcsDialect, s3Dialect } from '../../bench/dialects.ts';
import { startFront } from '../../bench/front.ts';
import { syntheticListing, type Dialect } from '../../bench/synthetic-listing.ts';
import { keyOf, numberBefore, realKey, synthetic, syntheticPrefix } from '../../bench/synthetic.ts';

const objects = 12_000;
const real = { ...synthetic(7), key: realKey };

/** What the server behind the front is asked. */
async function list(dialect: Dialect, paths: readonly string[]): Promise<string[]> {
  const server = createServer((_, response) => void response.end('the server itself')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using front = await startFront(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  front.answers.push(
    syntheticListing(dialect, { count: () => objects, real: async () => await Promise.resolve(real) }),
  );
  const answers = [];
  for (const path of paths) answers.push(await (await fetch(front.endpoint + path)).text());
  server.close();
  server.closeAllConnections();
  return answers;
}

test.for<[string, Dialect, string, string, number, string]>([
  ['s3', s3Dialect, '/b?list-type=2&prefix=', '&continuation-token=', 1_000, '<NextContinuationToken>1000<'],
  ['gcs', gcsDialect, '/storage/v1/b/b/o?prefix=', '&pageToken=', 1_000, '"nextPageToken":"1000"'],
  ['azure', azureDialect, '/account/b?restype=container&comp=list&prefix=', '&marker=', 5_000, '<NextMarker>5000<'],
])('%s: pages follow each other to the one real object at the end', async ([, dialect, path, token, size, next]) => {
  const last = Math.floor((objects - 1) / size) * size;
  const [first = '', end = '', below = '', other] = await list(dialect, [
    path + syntheticPrefix,
    `${path}${syntheticPrefix}${token}${last}`,
    `${path}${syntheticPrefix}00003/`,
    `${path}.holdfast/`,
  ]);
  expect(keysIn(first)).toEqual(Array.from({ length: size }, (_, number) => keyOf(number)));
  expect(first).toContain(next);
  expect(keysIn(end).slice(-2)).toEqual([keyOf(objects - 1), realKey]);
  expect(keysIn(below)).toHaveLength(1_000);
  expect(other).toBe('the server itself');
});

function keysIn(answer: string): string[] {
  return [...answer.matchAll(/million\/[^<"]+\.jpg|million\/z\/changed/g)].map(([key]) => key);
}

test('keys ascend, and are found by what sorts before them', () => {
  expect(numberBefore(keyOf(999), objects)).toBe(999);
  expect(numberBefore(`${keyOf(999)}\0`, objects)).toBe(1_000);
  expect(numberBefore('', objects)).toBe(0);
  expect(numberBefore(realKey, objects)).toBe(objects);
});
