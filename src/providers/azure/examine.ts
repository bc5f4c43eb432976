import type { Clock } from '../../objects/clock.ts';
import { clockFinding, type Notes } from '../notes.ts';
import { outsideKey, type Place } from '../canaries.ts';
import type { Connection } from './connection.ts';

/** What the container, the account and the credentials themselves say when asked. */
export async function examineContainer(
  connection: Connection,
  place: Place,
  clock: Clock,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const { client, attempt } = connection;
  await notes.look('same-clock', async () => {
    const asked = clock.now();
    const first = client.listBlobsFlat({ abortSignal: signal, prefix: place.reserved }).byPage({ maxPageSize: 1 });
    const page = await attempt({ verb: 'examine' }, () => first.next(), signal);
    const { date } = (page.value ?? {}) as { readonly date?: Date };
    return clockFinding(date?.getTime(), asked, clock.now());
  });
  await askContainer(connection, notes, signal);
  await askAccount(connection, notes, signal);
  await tryListingOutside(connection, place, notes, signal);
  tellFromCredentials(connection, notes);
}

async function askContainer({ client, attempt }: Connection, notes: Notes, signal: AbortSignal): Promise<void> {
  await notes.look('retention', async () => {
    const answer = await attempt({ verb: 'examine' }, () => client.getProperties({ abortSignal: signal }), signal);
    const protections = [
      ...(answer.hasImmutabilityPolicy === true ? ['an immutability policy of the container'] : []),
      ...(answer.hasLegalHold === true ? ['a legal hold'] : []),
      ...(answer.isImmutableStorageWithVersioningEnabled === true ? ['immutability of versions can be set'] : []),
    ];
    const on = answer.hasImmutabilityPolicy === true || answer.hasLegalHold === true;
    return { answer: on ? 'on' : 'off', ...(protections.length > 0 && { detail: protections.join(', ') }) };
  });
}

async function askAccount(connection: Connection, notes: Notes, signal: AbortSignal): Promise<void> {
  const { attempt } = connection;
  const account = connection.account();
  await notes.look('soft-delete', async () => {
    const ask = () => account.getProperties({ abortSignal: signal });
    const { deleteRetentionPolicy: policy } = await attempt({ verb: 'examine the account of' }, ask, signal);
    if (policy === undefined) return { answer: 'not-told' };
    return policy.enabled ? { answer: 'on', detail: `${policy.days ?? '?'} days` } : { answer: 'off' };
  });
  await notes.tryRight('list-buckets', async () => {
    const pages = account.listContainers({ abortSignal: signal }).byPage({ maxPageSize: 1 });
    await attempt({ verb: 'list the containers beside' }, () => pages.next(), signal);
  });
}

/** Asks for names that only a canary has, so that no other name is seen. */
async function tryListingOutside(
  { client, attempt }: Connection,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const prefix = outsideKey(place);
  if (prefix === undefined) {
    return notes.tell('list-outside', 'not-tried', 'there is no prefix: the container is all its own');
  }
  const pages = client.listBlobsFlat({ abortSignal: signal, prefix }).byPage({ maxPageSize: 1 });
  await notes.tryRight('list-outside', async () => void (await attempt({ verb: 'list' }, () => pages.next(), signal)));
}

/** What a key or a signature allows needs no trial. */
function tellFromCredentials({ credentials }: Connection, notes: Notes): void {
  if (credentials.kind === 'account-key') {
    const detail = 'the account key allows everything in the whole account';
    for (const question of ['change-settings', 'shorten-retention'] as const) notes.tell(question, 'allowed', detail);
    notes.tell('write', 'allowed', detail);
    return;
  }
  const unknown = 'the roles of the identity say it; see Access control (IAM) of the storage account';
  if (credentials.kind === 'identity') return notes.tell('change-settings', 'not-told', unknown);
  const { grant } = credentials;
  if (grant === undefined) return notes.tell('change-settings', 'not-told', 'a stored access policy says it');
  const { permissions, scope, resourceTypes } = grant;
  const has = (letter: string): boolean => permissions.includes(letter);
  const settings = scope === 'account' && resourceTypes.includes('s') && has('w');
  notes.tell('change-settings', settings ? 'allowed' : 'denied', `signature with sp=${permissions}`);
  notes.tell('shorten-retention', has('i') ? 'allowed' : 'denied', `signature with sp=${permissions}`);
  notes.tell('delete-versions', has('x') || has('y') ? 'allowed' : 'denied', `signature with sp=${permissions}`);
  notes.tell('write', has('w') || has('c') || has('d') ? 'allowed' : 'denied', `signature with sp=${permissions}`);
}
