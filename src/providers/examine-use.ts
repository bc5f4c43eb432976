import { createHash, randomBytes } from 'node:crypto';
import { crc32c } from '@node-rs/crc32';
import type { Digest } from '../objects/checksum.ts';
import type { Key } from '../objects/key.ts';
import { noAttributes, type CopyRecord } from '../objects/object.ts';
import { cleaningUp, Notes, refusalCode, type Examination, type Finding } from './examination.ts';
import type { Capabilities, Precondition, Provider, ProviderRole, StoredCopy, Upload } from './provider.ts';

/** Where an examination may write. */
export interface Place {
  /** The provider's prefix, '' for none. */
  readonly root: string;
  /** `<root>.holdfast/` */
  readonly reserved: string;
}

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
  ...(['write', 'overwrite', 'upload', 'delete', 'put-checksum', 'upload-checksum'] as const),
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

/** The canaries of one examination. */
class Bench {
  readonly place: Place;
  /** By key, the version last written, where that is known. */
  readonly written = new Map<Key, string | undefined>();
  latest: Buffer = Buffer.of();
  version = '';
  readonly #provider: Provider;
  readonly #signal: AbortSignal;
  readonly #key: Key;

  constructor(provider: Provider, place: Place, signal: AbortSignal) {
    this.#provider = provider;
    this.place = place;
    this.#signal = signal;
    this.#key = canaryKey(place);
  }

  async put(precondition: Precondition): Promise<StoredCopy> {
    const bytes = randomBytes(64);
    const { digest, record } = described(bytes);
    this.#expect(this.#key);
    const options = { attributes: noAttributes, digest, record, precondition };
    const stored = await this.#provider.put(this.#key, bytes, options, this.#signal);
    this.latest = bytes;
    this.version = stored.version;
    this.written.set(this.#key, stored.version);
    return stored;
  }

  /** Whether a put is refused whose precondition does not hold. */
  async enforces(precondition: Precondition): Promise<Finding> {
    const code = await refusalCode(this.put(precondition));
    if (code === 'conflict') return { answer: 'enforced' };
    return code === undefined ? { answer: 'ignored' } : { answer: 'not-told', detail: `refused with ${code}` };
  }

  async read(): Promise<Buffer> {
    await using reader = await this.#provider.read(this.#key, {}, this.#signal);
    return Buffer.concat(await Array.fromAsync(reader.body));
  }

  async lists(prefix: string): Promise<boolean> {
    for await (const { entries } of this.#provider.list({ prefix }, this.#signal)) {
      if (entries.some(({ key }) => key === this.#key)) return true;
    }
    return false;
  }

  async upload(): Promise<void> {
    const bytes = randomBytes(64);
    const { digest, record, checksums } = described(bytes);
    const key = `${this.#key}-parts`;
    const upload = await this.#start(key, bytes.length);
    try {
      await upload.part({ number: 1, offset: 0, bytes, checksums }, this.#signal);
      this.#expect(key);
      this.written.set(key, (await upload.complete(digest, record, this.#signal)).version);
    } catch (error) {
      await refusalCode(upload.abort(cleaningUp(this.#signal)));
      throw error;
    }
  }

  async abortUpload(): Promise<void> {
    const bytes = randomBytes(64);
    const upload = await this.#start(`${this.#key}-aborted`, bytes.length);
    try {
      await upload.part({ number: 1, offset: 0, bytes, checksums: described(bytes).checksums }, this.#signal);
    } finally {
      await upload.abort(cleaningUp(this.#signal));
    }
  }

  /** By its version first: with that goes the description that is its own. */
  async remove(key: Key): Promise<void> {
    const version = this.written.get(key);
    const calm = cleaningUp(this.#signal);
    if (version !== undefined) {
      const code = await refusalCode(this.#provider.delete(key, { precondition: { version } }, calm));
      if (code === undefined) return;
    }
    await this.#provider.delete(key, {}, calm);
  }

  /** A write whose answer is lost may have happened. */
  #expect(key: Key): void {
    if (!this.written.has(key)) this.written.set(key, undefined);
  }

  async #start(key: Key, size: number): Promise<Upload> {
    return await this.#provider.startUpload(key, { size, partSize: size, attributes: noAttributes }, this.#signal);
  }
}

export function canaryKey({ reserved }: Pick<Place, 'reserved'>): Key {
  return `${reserved}probe/${randomBytes(8).toString('hex')}`;
}

/** Above the prefix; its name says whose it is, should it stay. Undefined where there is nothing above. */
export function outsideKey({ root }: Pick<Place, 'root'>): Key | undefined {
  return root === '' ? undefined : `.holdfast-probe-${randomBytes(8).toString('hex')}`;
}

function described(bytes: Buffer): { digest: Digest; record: CopyRecord; checksums: Digest } {
  const of = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
  const crc = crc32c(bytes).toString(16).padStart(8, '0');
  const digest = { sha256: of('sha256'), md5: of('md5'), crc32c: crc };
  const record = {
    sha256: digest.sha256,
    size: bytes.length,
    sourceVersion: 'canary',
    sourceModifiedAt: 0,
    checksums: digest,
  };
  return { digest, record, checksums: digest };
}
