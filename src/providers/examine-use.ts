import type { Key } from '../objects/key.ts';
import { absentKey, Bench, type Place } from './canaries.ts';
import type { Examination, Finding } from './examination.ts';
import { Notes } from './notes.ts';
import type { Capabilities, Provider, ProviderRole } from './provider.ts';

/** What a kind of provider asks besides what all have in common. */
export interface Trials {
  /** Writes nothing. */
  look(notes: Notes): Promise<void>;
  /** Of a target; writes canaries. */
  attempt(notes: Notes, capabilities: Capabilities): Promise<void>;
}

/** One examination, in the order that all providers share. */
export async function conduct(
  provider: Provider,
  place: Place,
  role: ProviderRole,
  trials: Trials,
  signal: AbortSignal,
): Promise<Examination> {
  const capabilities = await provider.connect(role, signal);
  const notes = new Notes();
  await trials.look(notes);
  if (role === 'source') {
    await examineSource(provider, place, notes, signal);
  } else {
    await examineTarget(provider, capabilities, place, notes, signal);
    if (notes.answerTo('write') === 'allowed') await trials.attempt(notes, capabilities);
  }
  return notes.examination(capabilities.limits);
}

/**
 * Whether users' objects may be deleted, asked of one that is not there: a provider looks at the rights first. For
 * providers whose rights may differ from key to key.
 */
export async function tryDeletingObjects(
  provider: Pick<Provider, 'delete'>,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const key = absentKey(place);
  const tried = `tried on ${key}, where nothing stands`;
  await notes.tryRight('delete-objects', async () => await provider.delete(key, {}, signal), tried);
  if (notes.answerTo('delete-objects') === 'allowed' && notes.answerTo('versioning') === 'on')
    notes.left(`${key} (where the bucket notes deletes as versions, such a note of nothing)`);
}

/** Does everything a target does, on canaries of its own. `provider` takes whole keys, prefix included. */
async function examineTarget(
  provider: Provider,
  capabilities: Capabilities,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const bench = new Bench(provider, place, signal);
  try {
    await notes.tryRight('write', async () => void (await bench.put({ absent: true })));
    if (notes.answerTo('write') === 'allowed') await useCanary(bench, capabilities, notes);
    await examineUploads(bench, notes);
  } finally {
    await removeAll(bench, notes);
  }
  if (notes.answerTo('write') === 'allowed') tellConditionalDelete(capabilities, notes);
  tellTraits(capabilities, notes);
}

async function useCanary(bench: Bench, capabilities: Capabilities, notes: Notes): Promise<void> {
  await notes.ask('read', async () => {
    const same = (await bench.read()).equals(bench.latest);
    return same ? { answer: 'allowed' } : { answer: 'no', detail: 'other bytes came back than were written' };
  });
  await notes.ask('list', async () => {
    const listed = await bench.lists(`${bench.place.reserved}probe/`);
    return listed ? { answer: 'allowed' } : { answer: 'no', detail: 'what was written is not listed' };
  });
  await notes.ask('reserved-hidden', async () => {
    const shown = await bench.lists(bench.place.reserved.slice(0, -2));
    return { answer: shown ? 'no' : 'yes' };
  });
  await notes.ask('conditional-create', async () => onlyPuts(await bench.enforces({ absent: true }), capabilities));
  const first = bench.version;
  await notes.tryRight('overwrite', async () => void (await bench.put({ version: first })));
  if (notes.answerTo('overwrite') !== 'allowed') return;
  await notes.ask('conditional-overwrite', async () =>
    onlyPuts(await bench.enforces({ version: first }), capabilities),
  );
}

/** `connect` tries the preconditions of uploads as well. */
function onlyPuts(finding: Finding, { conditionalWrites }: Capabilities): Finding {
  if (finding.answer !== 'enforced' || conditionalWrites) return finding;
  return { answer: 'ignored', detail: 'enforced for puts, and not for every way of writing' };
}

async function examineUploads(bench: Bench, notes: Notes): Promise<void> {
  await notes.tryRight('upload', async () => await bench.upload());
  if (notes.answerTo('upload') === 'allowed') {
    await notes.tryRight('abort-upload', async () => await bench.abortUpload());
  }
}

function tellConditionalDelete({ conditionalDeletes }: Capabilities, notes: Notes): void {
  if (conditionalDeletes) notes.tell('conditional-delete', 'enforced');
  else if (notes.answerTo('delete') === 'allowed') notes.tell('conditional-delete', 'ignored');
  else notes.tell('conditional-delete', 'not-told', 'the credentials may not delete');
}

function tellTraits({ attests, listing }: Capabilities, notes: Notes): void {
  const ways = [
    ['put-checksum', attests.put],
    ['upload-checksum', attests.upload],
  ] as const;
  for (const [question, by] of ways) {
    if (by === undefined) notes.tell(question, 'ignored', 'every copy is read back');
    else notes.tell(question, 'attested', by);
  }
  notes.tell('listing-order', listing === 'ordered' ? 'byte-order' : 'other-order');
}

/** What can be told without writing anything: lists a page and reads the beginning of one object. */
async function examineSource(provider: Provider, place: Place, notes: Notes, signal: AbortSignal): Promise<void> {
  let first: Key | undefined;
  await notes.tryRight('list', async () => {
    for await (const { entries } of provider.list({ prefix: place.root }, signal)) {
      first = entries[0]?.key;
      if (first !== undefined) break;
    }
  });
  const key = first;
  if (key === undefined) notes.tell('read', 'not-tried', 'no object is there to be read');
  else await notes.tryRight('read', async () => await readBeginning(provider, key, signal));
  for (const question of unknownOfSource) {
    if (notes.answerTo(question) !== undefined) continue;
    notes.tell(question, 'not-tried', 'nothing is written to a source; --write tries it all the same');
  }
}

const unknownOfSource = [
  ...(['write', 'overwrite', 'upload', 'delete', 'delete-objects', 'put-checksum', 'upload-checksum'] as const),
  ...(['conditional-create', 'conditional-overwrite', 'conditional-delete', 'listing-order', 'versioning'] as const),
];

async function readBeginning(provider: Provider, key: Key, signal: AbortSignal): Promise<void> {
  await using reader = await provider.read(key, {}, signal);
  for await (const chunk of reader.body) if (chunk.length > 0) return;
}

async function removeAll(bench: Bench, notes: Notes): Promise<void> {
  for (const key of bench.written.keys()) {
    await notes.tryRight('delete', async () => await bench.remove(key));
    if (notes.answerTo('delete') !== 'allowed') notes.left(`${key} (a canary of a few bytes)`);
  }
}
