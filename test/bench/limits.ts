import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What the machine can do at most: `hash <files> <size>` takes the SHA-256 of as many bytes that are in memory;
 * `loopback <files> <size>` sends each object to three targets, all of them one plain HTTP server that throws bytes away.
 */
const [what, files = '0', size = '0'] = process.argv.slice(2);
const [count, bytes] = [Number(files), Buffer.alloc(Math.min(Number(size), 8 * 1024 ** 2), 1)];
const pieces = Math.ceil(Number(size) / bytes.length);

if (what === 'hash') hash();
else if (what === 'serve') await serve();
else await loopback();

/** Prints what it took without the start of the process. */
function hash(): void {
  const [started, before] = [performance.now(), process.cpuUsage()];
  for (let file = 0; file < count; file += 1) {
    const digest = createHash('sha256');
    for (let piece = 0; piece < pieces; piece += 1) digest.update(bytes);
    digest.digest();
  }
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 }));
}

async function serve(): Promise<void> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
}

/** The server's own CPU is no part of the figure: it is ended without being waited for. */
async function loopback(): Promise<void> {
  const server = fork(import.meta.filename, ['serve']);
  const [port] = (await once(server, 'message')) as [number];
  const agent = new Agent({ keepAlive: true });
  let left = count * 3;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await put(agent, port);
    }
  };
  await Promise.all(Array.from({ length: 32 }, sender));
  agent.destroy();
  server.kill('SIGKILL');
  process.exit(0);
}

async function put(agent: Agent, port: number): Promise<void> {
  const headers = { 'content-length': String(pieces * bytes.length) };
  const outgoing = send({ agent, host: '127.0.0.1', port, method: 'PUT', path: '/', headers });
  const answered = once(outgoing, 'response');
  for (let piece = 0; piece < pieces; piece += 1) {
    if (!outgoing.write(bytes)) await once(outgoing, 'drain');
  }
  outgoing.end();
  const [answer] = await answered;
  await once((answer as NodeJS.ReadableStream).resume(), 'end');
}
