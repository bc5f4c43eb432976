import type { Random } from '../../src/objects/clock.ts';
import { seededRandom } from '../support/random.ts';
import type { PlaceSettings, Plan, Step } from './plan.ts';

const second = 1_000;
const minute = 60 * second;

/** How much too late a process at rest is woken in a scene. */
const atMost = 4 * second;

/** How many of the histories have a scene. */
const share = 0.3;

const keys = ['a', 'b/c', 'b/d', 'c.', 'd'] as const;

/** What chance alone hardly ever brings about: a plan is made into one of these, from a random stream of its own. */
export function withScene(plan: Plan): Plan {
  const random = seededRandom(plan.seed ^ 0x5ce2e);
  if (random() >= share) return plan;
  const scene = scenes[Math.floor(random() * scenes.length)];
  return scene === undefined ? plan : inOrder(scene(plan, random));
}

const scenes = [
  atTheThreshold,
  brokenListings,
  overtaken,
  returning,
  resumed,
  rotten,
  sameSize,
  slowBeginnings,
  straggling,
];

/** Exactly as many objects change at once as the guard does not let through any more. */
function atTheThreshold(plan: Plan, random: Random): Plan {
  const guard = random() < 0.5 ? { maxChanged: 0.3, minObjects: 2 } : { maxChanged: 0.5, minObjects: 3 };
  const every = 20 * second;
  const remove = random() < 0.5;
  const changes = keys
    .slice(0, guard.minObjects)
    .map((key): Step => ({ at: 100 * second, ...(remove ? { do: 'remove', key } : written(key, 30, random)) }));
  return {
    ...daemonOnly(plan, every),
    policy: { ...plan.policy, guard, detect: { every, full: every } },
    steps: [...keys.map((key) => ({ at: 0, ...written(key, 20, random) })), ...changes],
    ends: 300 * second,
  };
}

/** The source goes away in the middle of listings, of which every page takes its time. */
function brokenListings(plan: Plan, random: Random): Plan {
  const every = 20 * second;
  const outages = Array.from({ length: 12 }, (_, n): Step => {
    const at = 60 * second + n * 40 * second + Math.floor(random() * every);
    return { at, do: 'outage', place: 'source', ms: 15 * second };
  });
  return {
    ...daemonOnly(plan, every),
    source: { ...plan.source, pageSize: 1, latency: 1_500 },
    policy: { ...plan.policy, guard: { maxChanged: 1, minObjects: 100 }, detect: { every, full: every } },
    steps: [...keys.map((key) => ({ at: 0, ...written(key, 20, random) })), ...outages],
    ends: 600 * second,
  };
}

/** Objects that are overwritten, and seen to be, while targets far away still take what they were. */
function overtaken(plan: Plan, random: Random): Plan {
  const every = 8 * second;
  const steps = Array.from({ length: 24 }, (_, n): Step => {
    const at = n * 8 * second + Math.floor(random() * 8 * second);
    return { at, ...written(keys[n % 2] ?? 'a', 20 + (n % 3), random) };
  });
  return {
    ...daemonOnly(plan, every),
    source: { ...plan.source, latency: 20 },
    targets: plan.targets.map((place) => ({ ...place, latency: 4_000 })),
    policy: { ...plan.policy, guard: { maxChanged: 1, minObjects: 100 }, detect: { every, full: every } },
    steps,
    ends: 240 * second,
  };
}

/** Objects go, and are back long before anybody looks again, when their copies may be deleted. */
function returning(plan: Plan, random: Random): Plan {
  const every = 120 * minute;
  const rounds = Array.from({ length: 4 }, (_, n): Step[] => {
    const key = keys[n] ?? 'a';
    const gone = (n + 1) * every - Math.floor(random() * 50 * minute);
    const back = gone + 30 * minute + Math.floor(random() * every);
    return [
      { at: gone, do: 'remove', key },
      { at: back, ...written(key, 20, random) },
    ];
  });
  const purging = { deleteAfter: 0, guard: { maxChanged: 1, minObjects: 100 }, detect: { every, full: every } };
  // What was to be read again every few minutes would be for half a day.
  const scrub = plan.policy.scrub && { scrub: { ...plan.policy.scrub, every: 3 * every } };
  return {
    ...daemonOnly(plan, every),
    policy: { ...plan.policy, ...purging, ...scrub },
    steps: [...keys.map((key) => ({ at: 0, ...written(key, 20, random) })), ...rounds.flat()],
    paces: [
      { at: 0, mostLate: atMost },
      { at: minute, mostLate: 60 * minute },
    ],
    ends: 7 * every,
  };
}

/** Large objects, processes that die while they copy them, and a source that rots before the next goes on. */
function resumed(plan: Plan, random: Random): Plan {
  const every = 20 * second;
  const crashes = Array.from({ length: 8 }, (_, n): Step[] => {
    const at = n * 40 * second + Math.floor(random() * 30 * second);
    const more: Step[] = [{ at: at + 10, do: 'rot', place: 'source', pick: Math.floor(random() * 1e6) }];
    return [{ at, do: 'crash', slot: 0 }, ...(random() < 0.5 ? more : [])];
  });
  return {
    ...daemonOnly(plan, every),
    source: { ...plan.source, states: false },
    targets: plan.targets.map(inParts(300)),
    policy: { ...plan.policy, detect: { every, full: every } },
    steps: [
      ...keys.map((key) => ({ at: Math.floor(random() * 200) * second, ...written(key, 300, random) })),
      ...crashes.flat(),
    ],
    ends: 400 * second,
  };
}

/** A large object on its way to a target far away, which dies under way; and bits that rot at the source before it goes on. */
function rotten(plan: Plan, random: Random): Plan {
  const every = 20 * second;
  const rounds = Array.from({ length: 5 }, (_, n): Step[] => {
    const at = n * 150 * second;
    const died = at + 22 * second + Math.floor(random() * 25 * second);
    const rots = Array.from({ length: 3 }, (): Step => {
      return { at: died + second, do: 'rot', place: 'source', pick: Math.floor(random() * 1e6) };
    });
    return [{ at, ...written('a', 300, random) }, { at: died, do: 'crash', slot: 0 }, ...rots];
  });
  const alike = random() < 0.5;
  return {
    ...daemonOnly(plan, every),
    source: { ...plan.source, states: false },
    targets: plan.targets.map(inParts(4_000)).map((place) => (alike ? asFiles(place) : place)),
    policy: { ...plan.policy, detect: { every, full: every } },
    steps: rounds.flat(),
    ends: 760 * second,
  };
}

/** Objects that are overwritten by others of the same size while they are read, and reads that break off. */
function sameSize(plan: Plan, random: Random): Plan {
  const every = 20 * second;
  const steps = Array.from({ length: 40 }, (_, n): Step[] => {
    const at = n * 10 * second + Math.floor(random() * 10 * second);
    const cut: Step = { at, do: 'request', place: 'source', fault: { on: 'reading', kind: 'cut' } };
    return [cut, cut, { at: at + Math.floor(random() * 5 * second), ...written(keys[n % 2] ?? 'a', 250, random) }];
  });
  const source = { ...plan.source, states: false, chunkSize: 100, latency: 1_500, breaksOff: false };
  const isRanged = random() < 0.5;
  return {
    ...daemonOnly(plan, every),
    source: isRanged ? { ...source, capabilities: { ...source.capabilities, parallelReads: 3 } } : source,
    targets: isRanged ? plan.targets.map(inParts(20)) : plan.targets,
    policy: { ...plan.policy, guard: { maxChanged: 1, minObjects: 100 }, detect: { every, full: every } },
    steps: steps.flat(),
    ends: 450 * second,
  };
}

/** Uploads that take long to begin, and several processes that look for what nobody goes on with. */
function slowBeginnings(plan: Plan, random: Random): Plan {
  const every = 20 * second;
  const names = plan.targets.map(({ name }) => name);
  const steps = Array.from({ length: 12 }, (_, n): Step[] => {
    const at = n * 25 * second + Math.floor(random() * 20 * second);
    const place = names[n % names.length] ?? 'one';
    const slow = { on: 'writing', kind: 'slow', ms: Math.floor(random() * 15 * second) } as const;
    return [
      { at, do: 'request', place, fault: slow },
      { at, ...written(keys[n % keys.length] ?? 'a', 200 + n, random) },
    ];
  });
  const reconcile = { do: 'reconcile', deep: false, dryRun: false } as const;
  return {
    ...daemonOnly(plan, every),
    slots: [reconcile, reconcile, { do: 'daemon' }],
    targets: plan.targets.map(inParts(300)),
    policy: { ...plan.policy, guard: { maxChanged: 1, minObjects: 100 }, detect: { every, full: every } },
    steps: steps.flat(),
    ends: 400 * second,
  };
}

/** Targets of which now one, now another takes long with what the others have. */
function straggling(plan: Plan, random: Random): Plan {
  const every = 20 * second;
  const [first] = plan.targets;
  const targets = plan.targets.length > 1 || first === undefined ? plan.targets : [first, another(first, 'two')];
  const steps = Array.from({ length: 15 }, (_, n): Step[] => {
    const at = n * 20 * second + Math.floor(random() * 20 * second);
    const place = targets[n % targets.length]?.name ?? 'one';
    const slow = { on: 'writing', kind: 'slow', ms: Math.floor((10 + random() * 40) * second) } as const;
    return [
      { at, do: 'request', place, fault: slow },
      { at, ...written(keys[n % keys.length] ?? 'a', 40, random) },
    ];
  });
  return {
    ...daemonOnly(plan, every),
    targets,
    policy: { ...plan.policy, guard: { maxChanged: 1, minObjects: 100 }, detect: { every, full: every } },
    steps: steps.flat(),
    ends: 360 * second,
  };
}

/** Nobody but one daemon, and time that hardly slips. */
function daemonOnly(plan: Plan, every: number): Plan {
  return { ...plan, slots: [{ do: 'daemon' }], paces: [{ at: 0, mostLate: Math.min(atMost, every) }] };
}

function inParts(latency: number): (place: PlaceSettings) => PlaceSettings {
  return (place) => {
    const { capabilities } = place;
    const limits = { ...capabilities.limits, maxPutSize: 64 };
    return { ...place, latency, capabilities: { ...capabilities, limits } };
  };
}

/** Files take what they are given: they attest nothing of it, and tell how many parts there are, not which. */
function asFiles(place: PlaceSettings): PlaceSettings {
  return { ...place, comparesParts: false, capabilities: { ...place.capabilities, attests: {} } };
}

function another(place: PlaceSettings, name: string): PlaceSettings {
  const { capabilities } = place;
  const identity = capabilities.identity === undefined ? {} : { identity: name };
  return { ...place, name, capabilities: { ...capabilities, ...identity } };
}

function written(key: string, size: number, random: Random) {
  return { do: 'write', key, size, salt: Math.floor(random() * 1e9) } as const;
}

function inOrder(plan: Plan): Plan {
  return { ...plan, steps: plan.steps.toSorted((a, b) => a.at - b.at) };
}
