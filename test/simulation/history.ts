import { errorMessage } from '../../src/objects/errors.ts';
import { unsettled, untrue } from './model/end.ts';
import type { Violation } from './model/model.ts';
import type { Plan } from './plan.ts';
import { SimulatedDatabase } from './world/database.ts';
import type { Order, Process } from './world/process.ts';
import { World } from './world/world.ts';

export interface Outcome {
  readonly violations: readonly Violation[];
  /** Of everything that happened: the same plan has the same. */
  readonly hash: number;
  readonly events: number;
  readonly faults: ReadonlyMap<string, number>;
  /** Virtual milliseconds. */
  readonly passed: number;
  readonly log: readonly string[];
}

/** More events than this are no history but a loop. */
const mostEvents = 400_000;

/** How often a pass may be needed until all is in place, once nothing is broken any more. */
const rounds = 8;

const minute = 60_000;

let shared: SimulatedDatabase | undefined;

/** One history, from an empty catalog to the moment when everything must be in place. One at a time. */
export async function runHistory(plan: Plan, { verbose = false } = {}): Promise<Outcome> {
  shared ??= new SimulatedDatabase();
  const world = new World(plan, shared, verbose);
  const surprised = (error: unknown): void => world.model.violated('no rejection is unhandled', describe(error));
  process.on('unhandledRejection', surprised);
  // Errors are many and their stacks cost; whoever wants to see one replays the history.
  const { stackTraceLimit } = Error;
  if (!verbose) Error.stackTraceLimit = 0;
  try {
    await new History(world).run();
  } catch (error) {
    world.model.violated('the simulation itself works', describe(error));
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    process.off('unhandledRejection', surprised);
  }
  const { hash, faults, log, scheduler, model } = world;
  return { violations: model.violations, hash, faults, log, events: scheduler.events, passed: scheduler.passed };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : errorMessage(error);
}

class History {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async run(): Promise<void> {
    const { scheduler, plan, model } = this.#world;
    this.#world.begin();
    await this.#pass(plan.ends);
    this.#world.calm();
    scheduler.mostLate = minute;
    for (const process of this.#world.running) process.drain();
    await this.#until(() => this.#world.running.size === 0, 'a process that was told to end does not');
    if (model.violations.length === 0) await this.#settle();
  }

  /** Passes until all is in place: with nothing broken, and a person who says that the source is right, it must be soon. */
  async #settle(): Promise<void> {
    const { model } = this.#world;
    let left: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await this.#obeyed({ do: 'decide', decision: 'released' });
      // What rotted before it was proven by what its provider states is found only by reading it once more.
      const { report } = await this.#obeyed({ do: 'reconcile', deep: round !== 1, dryRun: false });
      left =
        report === undefined
          ? ['the pass did not end well']
          : [...unsettled(this.#world), ...untrue(this.#world, report)];
      this.#world.note(`round ${round}: ${report?.outcome}, ${left.join('; ')}`);
      if (model.violations.length > 0 || left.length === 0) return;
      await this.#pass(this.#world.scheduler.passed + (round < 4 ? 61 : 26 * 60) * minute);
    }
    model.violated('everything converges', left.join('; '));
  }

  async #obeyed(order: Order): Promise<Process> {
    let ended = false;
    const process = this.#world.start(order, () => (ended = true));
    await this.#until(() => ended, `${order.do} does not end`);
    return process;
  }

  async #pass(until: number): Promise<void> {
    let over = false;
    const { scheduler } = this.#world;
    scheduler.in(until - scheduler.passed, () => (over = true));
    await this.#until(() => over, 'time does not pass');
  }

  async #until(done: () => boolean, otherwise: string): Promise<void> {
    const { scheduler, model } = this.#world;
    const over = (): boolean => done() || model.violations.length > 0;
    const most = mostEvents - scheduler.events;
    if (!(await scheduler.until(over, most))) model.violated('nothing hangs', otherwise);
  }
}
