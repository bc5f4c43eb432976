import { compareKeys } from '../../objects/key.ts';
import type { Key } from '../../objects/key.ts';
import { orderCanaries, startCanary } from '../key-order.ts';
import type { Connection } from './connection.ts';
import { fail, tellsNothing } from './errors.ts';
import type { ListingTraits } from './listing.ts';

/** Leaves its few canaries where they are, for the next start. */
export async function probeListing(connection: Connection, signal: AbortSignal): Promise<ListingTraits> {
  const prefix = `${connection.reserved}probe/order/`;
  const found = await listed(connection, prefix, undefined, signal);
  const lacking = orderCanaries.filter((name) => !found.includes(prefix + name));
  for (const name of lacking) await writeCanary(connection, prefix + name, signal);
  const keys = lacking.length === 0 ? found : await listed(connection, prefix, undefined, signal);
  const inOrder = keys.toSorted(compareKeys);
  if (!orderCanaries.every((name) => keys.includes(prefix + name))) {
    throw fail('invalid', 'it does not list what was just written to it', connection.operation('probe', prefix));
  }
  const ordered = equal(keys, inOrder);
  return { ordered, startsFrom: ordered && (await startsAt(connection, prefix, inOrder, signal)) };
}

async function startsAt(
  connection: Connection,
  prefix: string,
  keys: readonly Key[],
  signal: AbortSignal,
): Promise<boolean> {
  const start = prefix + startCanary;
  try {
    const rest = await listed(connection, prefix, start, signal);
    return equal(
      rest,
      keys.filter((key) => compareKeys(key, start) >= 0),
    );
  } catch (error) {
    if (tellsNothing(error)) throw error;
    return false;
  }
}

async function listed(
  connection: Connection,
  prefix: string,
  startFrom: Key | undefined,
  signal: AbortSignal,
): Promise<Key[]> {
  const options = { prefix, abortSignal: signal, ...(startFrom === undefined ? {} : { startFrom }) };
  const ask = async () => {
    const keys: Key[] = [];
    for await (const { name } of connection.client.listBlobsFlat(options)) keys.push(name);
    return keys;
  };
  return connection.attempt({ verb: 'list' }, ask, signal);
}

async function writeCanary(connection: Connection, key: Key, signal: AbortSignal): Promise<void> {
  const write = () => connection.blob(key, 'probe').upload(Buffer.alloc(0), 0, { abortSignal: signal });
  await connection.attempt({ verb: 'probe', key }, write, signal);
}

function equal(a: readonly Key[], b: readonly Key[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}
