type Environment = Record<string, string | undefined>;

const variable = 'UV_THREADPOOL_SIZE';
/** Node's own number, 4, is soon used up by disks that are slow. One that sleeps costs next to nothing. */
const wanted = '32';
const ofNode = 4;
const most = 1_024;

/** Unless somebody chose a number. Only before the first call that takes a thread; loading the program takes none. */
export function enlargeThreadPool(env: Environment = process.env): void {
  env[variable] ??= wanted;
}

/** How many threads Node has for calls that block, by the rules of libuv. */
export function threadPoolSize(env: Readonly<Environment> = process.env): number {
  const chosen = env[variable];
  if (chosen === undefined) return ofNode;
  const number = Number.parseInt(chosen, 10);
  return Math.min(number > 0 ? number : 1, most);
}
