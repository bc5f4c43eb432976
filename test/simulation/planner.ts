import { crc32 } from 'node:zlib';
import type { Key } from '../../src/objects/key.ts';
import type { Policy } from '../../src/replication/policy.ts';
import { seededRandom } from '../support/random.ts';
import { Dice } from './dice.ts';
import type { Deed, PlaceSettings, Plan, Step } from './plan.ts';
import { withScene } from './scenes.ts';
import type { Order } from './world/process.ts';
import type { RequestFault } from './world/wire.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

const names: readonly Key[] = ['a', 'b/c', 'b/d', 'a//b', 'c.', 'é', '😀', 'z/../x', 'd', 'e e', 'f', 'g'];

export function planOf(seed: number): Plan {
  return withScene(new Planner(seed).plan());
}

/** `late`: overwrites that follow each other while requests arrive late or twice. `purge`: deletes, and strangers at the targets. */
type Theme = 'anything' | 'late' | 'purge';

class Planner {
  readonly #seed: number;
  readonly #dice: Dice;
  readonly #theme: Theme;

  constructor(seed: number) {
    this.#seed = seed;
    this.#dice = new Dice(seededRandom(seed));
    this.#theme = this.#dice.pick(['anything', 'anything', 'anything', 'late', 'purge']);
  }

  plan(): Plan {
    const every = this.#dice.pick([20 * second, 2 * minute, 30 * minute, 6 * hour]);
    const source = this.#place('source');
    const targets = ['one', 'two', 'three', 'four'].slice(0, 1 + this.#dice.below(4)).map((name) => this.#place(name));
    const most = this.#theme === 'late' ? 2 : this.#dice.chance(0.3) ? names.length : 5;
    const keys = names.slice(0, 1 + this.#dice.below(most));
    const slots = this.#slots();
    const policy = this.#policy(every, targets.length);
    const { paces, steps, ends } = this.#acts(every, { source, targets, keys, slots, policy });
    const memory = this.#dice.pick([600, 2_000, 20_000]);
    return {
      ...{ seed: this.#seed, memory, concurrency: 1 + this.#dice.below(4), policy, source, targets },
      ...{ slots, paces, steps, ends },
    };
  }

  #slots(): Order[] {
    const count = this.#dice.pick([1, 1, 1, 2, 2, 3]);
    return Array.from({ length: count }, (): Order => {
      if (this.#dice.chance(0.6)) return { do: 'daemon' };
      return { do: 'reconcile', deep: this.#dice.chance(0.15), dryRun: this.#dice.chance(0.05) };
    });
  }

  #policy(every: number, targets: number): Plan['policy'] {
    return {
      minCopies: 1 + this.#dice.below(targets),
      onCopy: this.#dice.chance(0.7) ? 'attested' : 'read',
      guard: this.#dice.pick([
        { maxChanged: 0.1, minObjects: 100 },
        { maxChanged: 0.3, minObjects: 2 },
        { maxChanged: 0.5, minObjects: 3 },
        { maxChanged: 1, minObjects: 100 },
      ]),
      detect: { every, full: every * this.#dice.pick([1, 1, 3]) },
      ...(this.#theme === 'purge' || this.#dice.chance(0.3) ? { deleteAfter: every * this.#dice.pick([0, 1, 4]) } : {}),
      ...(this.#dice.chance(0.4) ? { history: every * this.#dice.pick([1, 4, 20]) } : {}),
      ...(this.#dice.chance(0.5) ? { scrub: this.#scrub(every) } : {}),
    };
  }

  #scrub(every: number): NonNullable<Policy['scrub']> {
    const budget = this.#dice.chance(0.2) ? { perDay: 200 + this.#dice.below(5_000) } : {};
    const bandwidth = this.#dice.chance(0.2) ? { bandwidth: 100 + this.#dice.below(5_000) } : {};
    return { every: every * this.#dice.pick([3, 10, 50]), ...budget, ...bandwidth };
  }

  #place(name: string): PlaceSettings {
    const attests = this.#dice.pick([
      { put: 'crc32c', upload: 'crc32c' },
      { put: 'crc32c', upload: 'crc32c of every part' },
      { put: 'crc32c' },
      {},
    ] as const);
    const partSize = this.#dice.pick([32, 48, 64]);
    const more = seededRandom(this.#seed ^ crc32(name));
    const kept = more();
    const comparesParts = more() < 0.5;
    const parallelReads = Math.floor(more() * 5);
    return {
      name,
      versions: this.#dice.chance(0.25) ? 'etag' : 'unique',
      keepsReplaced: this.#dice.chance(0.25),
      pageSize: 1 + this.#dice.below(4),
      chunkSize: this.#dice.pick([16, 50, 1_000]),
      breaksOff: this.#dice.chance(0.5),
      latency: this.#dice.pick([3, 20, 20, 300]),
      states: this.#dice.chance(0.5),
      listsUploads: kept < 0.6 ? 'by key' : kept < 0.8 ? 'without key' : 'never',
      comparesParts,
      capabilities: {
        listing: this.#dice.chance(0.08) ? 'unordered' : 'ordered',
        listsAfter: more() < 0.7,
        attests,
        wants: { put: ['crc32c'], part: ['crc32c'], upload: ['crc32c'] },
        ...(this.#dice.chance(0.6) ? { identity: name } : {}),
        conditionalWrites: this.#dice.chance(0.95),
        conditionalDeletes: this.#dice.chance(0.85),
        ...(name === 'source' && this.#dice.chance(0.4) ? { preciseTimes: true } : {}),
        ...(this.#dice.chance(0.3) ? { freeReads: true } : {}),
        ...(parallelReads > 1 ? { parallelReads } : {}),
        limits: {
          maxObjectSize: 2 ** 30,
          maxPutSize: this.#dice.pick([64, 64, 200, 1_000]),
          part: { min: 1, max: partSize, multipleOf: this.#dice.pick([1, 16]), maxCount: 1_000, order: this.#order() },
        },
      },
    };
  }

  #order(): 'any' | 'sequential' {
    return this.#dice.chance(0.7) ? 'any' : 'sequential';
  }

  #acts(every: number, cast: Cast): Pick<Plan, 'paces' | 'steps' | 'ends'> {
    const steps: Step[] = cast.keys.filter(() => this.#dice.chance(0.8)).map((key) => ({ at: 0, ...this.#write(key) }));
    const paces: Plan['paces'][number][] = [];
    let at = 0;
    const count = 2 + this.#dice.below(7);
    const tenor = this.#tenor();
    for (let act = 0; act < count; act += 1) {
      paces.push({ at, mostLate: second });
      const deeds = 1 + this.#dice.below(tenor.busy);
      for (let n = 0; n < deeds; n += 1) {
        steps.push({ at: at + this.#dice.below(4_000), ...this.#deed(cast, tenor, every) });
      }
      const rest = 5 * second + Math.ceil(every * this.#dice.pick([0.02, 0.3, 1, 2.5]));
      paces.push({ at: at + 5 * second, mostLate: Math.ceil(rest / 4) });
      at += rest;
    }
    return { steps: steps.sort((a, b) => a.at - b.at), paces, ends: at };
  }

  /** What a history is mostly about, so that kinds of faults meet themselves, and calm histories occur as well. */
  #tenor(): Tenor {
    const weight = (most: number): number => (this.#dice.chance(0.6) ? this.#dice.share() * most : 0);
    const none = {
      user: 4,
      requests: 0,
      outages: 0,
      damage: 0,
      database: 0,
      crashes: 0,
      clock: 0,
      disaster: 0,
      people: 0,
    };
    if (this.#theme === 'late') return { busy: 10, weights: { ...none, requests: 5, crashes: weight(2) } };
    if (this.#theme === 'purge')
      return { busy: 8, weights: { ...none, damage: 2, requests: weight(3), crashes: weight(1) } };
    return {
      busy: this.#dice.pick([2, 5, 10]),
      weights: {
        ...{ user: 1 + weight(4), requests: weight(6), outages: weight(2), damage: weight(2) },
        ...{ database: weight(1.5), crashes: weight(2), clock: weight(0.5), disaster: weight(0.7), people: weight(1) },
      },
    };
  }

  #deed(cast: Cast, { weights }: Tenor, every: number): Deed {
    const { source, targets, slots } = cast;
    const places = [source, ...targets];
    switch (this.#dice.weighted(weights)) {
      case 'user':
        return this.#ofUser(cast);
      case 'requests':
        return this.#request(this.#dice.pick(places), every);
      case 'outages':
        return {
          do: 'outage',
          place: this.#dice.pick(places).name,
          ms: Math.ceil(this.#dice.share() * this.#dice.pick([3e3, 2e5, every])),
        };
      case 'damage':
        return this.#damage(this.#dice.chance(0.12) ? source : this.#dice.pick(targets));
      case 'database':
        return this.#database();
      case 'crashes':
        return { do: this.#dice.chance(0.75) ? 'crash' : 'drain', slot: this.#dice.below(slots.length) };
      case 'clock':
        return {
          do: 'set-clock',
          ms: Math.ceil((this.#dice.share() - 0.4) * this.#dice.pick([minute, every, 40 * every])),
        };
      case 'disaster':
        return this.#disaster();
      case 'people':
        return { do: 'decide', decision: this.#dice.chance(0.5) ? 'released' : 'rejected' };
    }
  }

  #ofUser({ keys }: Cast): Deed {
    const key = this.#dice.pick(keys);
    const roll = this.#dice.share();
    if (roll < (this.#theme === 'purge' ? 0.5 : 0.25)) return { do: 'remove', key };
    return roll < 0.35 ? { do: 'touch', key } : this.#write(key);
  }

  #write(key: Key): Extract<Deed, { do: 'write' }> {
    const size = this.#dice.pick([0, 1 + this.#dice.below(20), 1 + this.#dice.below(60), 1 + this.#dice.below(300)]);
    return { do: 'write', key, size, salt: this.#dice.below(1e9) };
  }

  #request({ name, states }: PlaceSettings, every: number): Deed {
    const ms = Math.ceil(this.#dice.share() * this.#dice.pick([500, 20_000, 2 * every, 5 * every]));
    const on = this.#dice.pick(['anything', 'writing', 'reading'] as const);
    const faults: DistributedOmit<RequestFault, 'on'>[] = [
      ...([{ kind: 'unavailable' }, { kind: 'throttled' }, { kind: 'answer-lost' }, { kind: 'answer-lost' }] as const),
      ...([{ kind: 'late-effect', ms }, { kind: 'twice', ms }, { kind: 'stall' }, { kind: 'slow', ms }] as const),
      ...([{ kind: 'cut' }, { kind: 'denied' }] as const),
    ];
    // What the source does not state a checksum of cannot be told from what it has.
    if (name !== 'source' || states) faults.push({ kind: 'flip', bit: this.#dice.below(4_000) });
    const late = this.#theme === 'late' && this.#dice.chance(0.6);
    const fault = late ? { kind: this.#dice.pick(['late-effect', 'twice'] as const), ms } : this.#dice.pick(faults);
    const plain = ['unavailable', 'throttled', 'denied', 'stall', 'slow'].includes(fault.kind);
    return { do: 'request', place: name, fault: { on: plain ? on : 'anything', ...fault } };
  }

  #damage({ name }: PlaceSettings): Deed {
    const kinds = name === 'source' ? (['rot'] as const) : (['rot', 'rot', 'foreign-write', 'foreign-delete'] as const);
    const kind = this.#theme === 'purge' && name !== 'source' ? 'foreign-write' : this.#dice.pick(kinds);
    return { do: kind, place: name, pick: this.#dice.below(1e6) };
  }

  #database(): Deed {
    const kind = this.#dice.pick(['full', 'busy', 'crash-before-commit', 'crash-after-commit'] as const);
    return { do: 'database', fault: { kind }, times: kind === 'full' ? this.#dice.pick([1, 1, 6]) : 1 };
  }

  #disaster(): Deed {
    const salt = this.#dice.below(1e9);
    return this.#dice.pick<Deed>([
      { do: 'remove-all' },
      { do: 'overwrite-all', salt },
      { do: 'swap-source', salt },
      { do: 'lose-catalog' },
      { do: 'lose-catalog' },
    ]);
  }
}

type DistributedOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

interface Cast {
  readonly source: PlaceSettings;
  readonly targets: readonly PlaceSettings[];
  readonly keys: readonly Key[];
  readonly slots: readonly Order[];
  readonly policy: Plan['policy'];
}

interface Tenor {
  /** Steps in an act, at most. */
  readonly busy: number;
  readonly weights: Readonly<
    Record<
      'user' | 'requests' | 'outages' | 'damage' | 'database' | 'crashes' | 'clock' | 'disaster' | 'people',
      number
    >
  >;
}
