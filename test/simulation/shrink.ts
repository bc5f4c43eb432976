import type { Plan, Step } from './plan.ts';
import { runHistory } from './history.ts';

/**
 * Leaves out steps, in chunks that get smaller, for as long as the same promise is still broken (delta debugging).
 * @returns the plan with few steps.
 */
export async function shrink(plan: Plan, promise: string, most = 400): Promise<Plan> {
  let steps: readonly Step[] = plan.steps;
  let runs = 0;
  const fails = async (fewer: Plan): Promise<boolean> => {
    runs += 1;
    return (await runHistory(fewer)).violations.some((violation) => violation.promise === promise);
  };
  for (let size = Math.ceil(steps.length / 2); size >= 1 && runs < most; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length && runs < most;) {
      const fewer = steps.toSpliced(at, size);
      if (await fails({ ...plan, steps: fewer })) steps = fewer;
      else at += size;
    }
  }
  let shrunk: Plan = { ...plan, steps };
  for (let slot = plan.slots.length - 1; slot >= 0; slot -= 1) {
    const fewer = { ...shrunk, slots: shrunk.slots.toSpliced(slot, 1) };
    if (await fails(fewer)) shrunk = fewer;
  }
  return shrunk;
}
