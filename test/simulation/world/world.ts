import { crc32c } from '@node-rs/crc32';
import type { Key } from '../../../src/objects/key.ts';
import { isReserved } from '../../../src/objects/key.ts';
import { bytesOf } from '../../support/bytes.ts';
import { seededRandom } from '../../support/random.ts';
import { Model } from '../model/model.ts';
import type { Deed, PlaceSettings, Plan } from '../plan.ts';
import type { SimulatedDatabase } from './database.ts';
import { Process, type Order } from './process.ts';
import { Scheduler } from './scheduler.ts';
import { plain, Store, type Content, type Doer, type Effect } from './store.ts';
import type { LeftUpload } from './uploads.ts';
import { Wire } from './wire.ts';

export interface Place {
  readonly store: Store;
  readonly wire: Wire;
  readonly settings: Pick<PlaceSettings, 'capabilities' | 'pageSize' | 'chunkSize' | 'breaksOff' | 'comparesParts'>;
}

/** How long after its death a process is started again, at most, in milliseconds. */
const restartWithin = 20_000;

/** The providers, the catalog's disk, the clock, the people and the processes of one history. */
export class World {
  readonly plan: Plan;
  readonly scheduler = new Scheduler();
  readonly database: SimulatedDatabase;
  readonly model: Model;
  readonly source: PlaceSettings;
  readonly targets: readonly PlaceSettings[];
  readonly verbose: boolean;
  /** Faults that happened, by kind. */
  readonly faults = new Map<string, number>();
  /** What happened, one line each; only its hash where it is not verbose. */
  readonly log: string[] = [];
  hash = 0x811c9dc5;
  readonly running = new Set<Process>();
  /** The newest token of every object that a process was given. */
  readonly fences = new Map<number, number>();
  #restarting = true;
  #processes = 0;
  readonly #places = new Map<string, Place>();
  readonly #random;

  constructor(plan: Plan, database: SimulatedDatabase, verbose: boolean) {
    this.plan = plan;
    this.database = database;
    this.verbose = verbose;
    this.source = plan.source;
    this.targets = plan.targets;
    this.#random = seededRandom(plan.seed ^ 0x5eed);
    for (const [n, settings] of [plan.source, ...plan.targets].entries()) this.#addPlace(settings, n);
    this.model = new Model(this);
    database.clear();
    database.onCommit = () => this.model.onCommit();
    database.onFault = (kind) => this.#countFault(kind);
    database.kill = () => this.#killCurrent();
  }

  place(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`there is no place ${name}`);
    return place;
  }

  note(line: string): void {
    const text = `${this.scheduler.passed} ${line}`;
    for (let at = 0; at < text.length; at += 1) this.hash = Math.imul(this.hash ^ text.charCodeAt(at), 0x01000193);
    if (this.verbose) this.log.push(text);
  }

  begin(): void {
    for (const step of this.plan.steps) this.scheduler.in(step.at, () => this.#do(step));
    for (const { at, mostLate } of this.plan.paces) {
      this.scheduler.in(at, () => {
        this.scheduler.mostLate = mostLate;
        this.wake();
      });
    }
    for (const [slot, order] of this.plan.slots.entries()) this.#startLater(slot, order);
  }

  /** Faults stop: nothing is broken any more, and nobody is started again. */
  calm(): void {
    this.#restarting = false;
    for (const { wire } of this.#places.values()) wire.heal();
    this.database.heal();
    this.note('calm');
  }

  start(order: Order, onEnd: (process: Process) => void = () => undefined): Process {
    this.#processes += 1;
    const name = `${order.do}-${this.#processes}`;
    const process = new Process(this, name, order, Math.floor(this.#random() * 2 ** 31));
    this.running.add(process);
    this.note(`start ${name}`);
    const ended = (): void => {
      if (process.dead) return;
      this.#end(process);
      onEnd(process);
    };
    // Its first breath is an event of its own.
    this.scheduler.in(1, () => void process.run().then(ended, ended), process);
    return process;
  }

  /** Nobody at rest is woken late because of what was before. */
  wake(): void {
    for (const process of this.running) process.idle = 0;
  }

  #end(process: Process): void {
    const { failure } = process;
    this.note(`end ${process.name}${failure === undefined ? '' : `: ${String(failure.error)}`}`);
    this.running.delete(process);
    this.model.onEnd(process);
    process.die();
  }

  /** One that did what it was told is started again as a timetable would. */
  #startLater(slot: number, order: Order, within = restartWithin): void {
    this.scheduler.in(1 + this.#random() * within, () => {
      if (!this.#restarting) return;
      const { every } = this.plan.policy.detect;
      const process = this.start(order, () => this.#startLater(slot, order, restartWithin + 1.5 * every));
      this.#slots[slot] = process;
    });
  }

  readonly #slots: (Process | undefined)[] = [];

  #kill(process: Process | undefined): void {
    if (process === undefined || process.dead) return;
    this.note(`kill ${process.name}`);
    process.die();
    this.running.delete(process);
    const slot = this.#slots.indexOf(process);
    if (slot !== -1) this.#startLater(slot, process.order);
  }

  #killCurrent(): void {
    const { current } = this.scheduler;
    if (current instanceof Process) this.#kill(current);
  }

  #addPlace(settings: PlaceSettings, n: number): void {
    const { name, versions, keepsReplaced, latency, listsUploads } = settings;
    const now = (): number => this.scheduler.now();
    const onEffect = (effect: Effect): void => this.#onEffect(effect);
    const onAbort = (upload: LeftUpload, by: Doer): void => this.#onAbort(name, upload, by);
    const store = new Store({ name, versions, keepsReplaced, now, onEffect, listsUploads, onAbort });
    const random = seededRandom(this.plan.seed * 31 + n);
    const wire = new Wire(name, latency, random, (kind) => this.#countFault(kind));
    this.#places.set(name, { store, wire, settings });
  }

  #onEffect(effect: Effect): void {
    const { store, key, by, before, after } = effect;
    const who = typeof by === 'string' ? by : by.process;
    this.note(`${who} at ${store}: ${JSON.stringify(key)} ${told(before)} -> ${told(after)}`);
    this.model.onEffect(effect);
  }

  #onAbort(store: string, upload: LeftUpload, by: Doer): void {
    this.note(`${typeof by === 'string' ? by : by.process} at ${store}: throws ${upload.checkpoint} away`);
    this.model.uploads.onAbort(store, upload, by);
  }

  #countFault(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
    this.note(`fault ${kind}`);
  }

  #do(deed: Deed): void {
    this.note(`step ${JSON.stringify(deed)}`);
    switch (deed.do) {
      case 'write':
        return this.#write(deed.key, bytesOf(deed.size, `${deed.salt}`));
      case 'remove':
        return this.#source.remove(deed.key, 'user');
      case 'touch':
        return this.#touch(deed.key);
      case 'overwrite-all':
        this.#countFault('everything overwritten at the source');
        for (const key of this.#source.keys()) this.#write(key, bytesOf(40, `${deed.salt} ${key}`));
        return undefined;
      case 'remove-all':
        this.#countFault('everything removed at the source');
        for (const key of this.#source.keys()) this.#source.remove(key, 'user');
        return undefined;
      case 'swap-source':
        return this.#swapSource(deed.salt);
      case 'request':
        return this.place(deed.place).wire.arm(deed.fault);
      case 'outage':
        this.place(deed.place).wire.outageUntil = this.scheduler.passed + deed.ms;
        return this.#countFault('outage');
      case 'rot':
      case 'foreign-write':
      case 'foreign-delete':
        return this.#damage(deed);
      case 'set-clock':
        this.#countFault(deed.ms < 0 ? 'clock set back' : 'clock set forward');
        this.scheduler.set += deed.ms;
        return undefined;
      case 'database':
        return this.database.arm(deed.fault, deed.times);
      case 'crash':
        this.#countFault('crash');
        return this.#kill(this.#slots[deed.slot]);
      case 'drain':
        this.#countFault('drain');
        return this.#slots[deed.slot]?.drain();
      case 'lose-catalog':
        return this.#loseCatalog();
      case 'decide':
        this.start({ do: 'decide', decision: deed.decision });
    }
  }

  get #source(): Store {
    return this.place(this.source.name).store;
  }

  #write(key: Key, bytes: Buffer): void {
    this.#source.write(key, this.#content(bytes), 'user');
  }

  #content(bytes: Buffer): Content {
    const checksums = this.source.states ? { crc32c: crc32c(bytes).toString(16).padStart(8, '0') } : {};
    return { ...plain, bytes, checksums };
  }

  /** The same bytes under another version, at the same time where times would tell a write. */
  #touch(key: Key): void {
    const { objects } = this.#source;
    const object = objects.get(key);
    if (object === undefined) return;
    const { bytes, modifiedAt, meant } = object;
    const precise = this.source.capabilities.preciseTimes === true;
    // What the store states of a version it computed when it wrote it, from the bytes as they were then.
    this.#source.write(key, { ...this.#content(bytes), meant, ...(precise ? { modifiedAt } : {}) }, 'user');
  }

  /** Who changes where an address leads restarts what uses it. */
  #swapSource(salt: number): void {
    this.#countFault('another bucket at the source');
    for (const process of [...this.running]) this.#kill(process);
    const source = this.#source;
    source.identity = `${source.name} #${salt}`;
    for (const key of source.keys()) {
      if (salt % 3 === 0) source.remove(key, 'user');
      else this.#write(key, bytesOf(30, `swapped ${salt} ${key}`));
    }
  }

  #damage({ do: what, place, pick }: Extract<Deed, { do: 'rot' | 'foreign-write' | 'foreign-delete' }>): void {
    const { store } = this.place(place);
    const keys = what === 'rot' ? store.keys() : store.keys().filter((key) => !isReserved(key));
    const key = keys[pick % Math.max(1, keys.length)];
    if (key === undefined) return;
    this.#countFault(`${what} (${place === this.source.name ? 'source' : 'target'})`);
    if (what === 'rot') store.rot(key, pick);
    else if (what === 'foreign-delete') store.remove(key, 'foreigner');
    else store.write(key, { ...plain, bytes: bytesOf(1 + (pick % 90), `foreign ${pick}`) }, 'foreigner');
  }

  #loseCatalog(): void {
    this.#countFault('catalog lost');
    for (const process of [...this.running]) this.#kill(process);
    this.database.clear();
    this.model.onCatalogLost();
  }
}

function told(stored: Effect['after']): string {
  return stored === undefined ? 'nothing' : `${stored.version}/${stored.sha256.slice(0, 6)}`;
}
