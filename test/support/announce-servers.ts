import { findServer, howToInstall, testServers } from './servers.ts';

/**
 * Vitest's global setup: says in one line which real servers this run is against, so that a green run that
 * lacked one is not mistaken for a full one.
 * @throws Error that names what is missing, when HOLDFAST_REQUIRE_SERVERS=1.
 */
export function setup(): void {
  const missing = testServers.filter((name) => findServer(name) === undefined);
  const present = testServers.filter((name) => !missing.includes(name));
  const used = `real servers: ${present.join(', ') || 'none'}`;
  if (missing.length === 0) return say(used);
  const remedy = missing.map((name) => `${name} (${howToInstall(name)})`).join(', ');
  if (process.env['HOLDFAST_REQUIRE_SERVERS'] === '1') throw withoutStack(`missing servers: ${remedy}`);
  say(`${used}; not tested against, because missing: ${remedy}`);
}

/** Vitest prints the stack, which would bury the message. */
function withoutStack(message: string): Error {
  return Object.assign(new Error(message), { stack: message });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
