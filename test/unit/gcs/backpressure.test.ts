import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { openGcs } from '../../../src/providers/gcs/gcs.ts';
import { calm } from '../../support/fake-gcs/room.ts';

const size = 512 * 2 ** 20;
const chunk = Buffer.alloc(65_536);

test('a body nobody reads on stays with the server', async () => {
  let sent = 0;
  const source = function* (): Generator<Buffer> {
    for (; sent < size; sent += chunk.length) yield chunk;
  };
  const server = createServer((request, response) => {
    if (request.url?.includes('alt=media') === true) Readable.from(source()).pipe(response);
    else
      response.end(JSON.stringify({ name: 'k', size: String(size), generation: '1', updated: '2026-01-01T00:00:00Z' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = openGcs({ name: 'gcp', bucket: 'b', endpoint });
  try {
    await using reader = await provider.read('k', {}, calm);
    for await (const _ of reader.body) break;
    await using other = await provider.read('k', {}, calm);
    const body = other.body[Symbol.asyncIterator]();
    await body.next();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(sent).toBeLessThan(size / 8);
  } finally {
    await provider.close();
    server.closeAllConnections();
    server.close();
  }
});
