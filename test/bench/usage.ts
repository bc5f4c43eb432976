/** What one program, or several side by side, took. */
export interface Usage {
  readonly seconds: number;
  /** User and system, of all its processes. */
  readonly cpuSeconds: number;
  /** What the servers took meanwhile, which share the machine: nobody can be faster than they are. */
  readonly serverCpuSeconds: number;
  /** The most that all its processes had resident at one moment. */
  readonly peakBytes: number;
  /** By system calls (files and sockets). */
  readonly readBytes: number;
}

export type Figure = keyof Usage;

export const figures: readonly Figure[] = ['seconds', 'cpuSeconds', 'serverCpuSeconds', 'peakBytes', 'readBytes'];

export function medianUsage(usages: readonly Usage[]): Usage {
  return perFigure((figure) => median(usages.map((usage) => usage[figure])));
}

/** The median of what the pairs of runs say, not the ratio of medians: what disturbs the machine disturbs both of a pair. */
export function medianRatio(ours: readonly Usage[], theirs: readonly Usage[]): Usage {
  return perFigure((figure) => median(ours.map((usage, run) => usage[figure] / (theirs[run] ?? missing(run))[figure])));
}

export function plus(a: Usage, b: Pick<Usage, 'seconds' | 'cpuSeconds'>): Usage {
  return { ...a, seconds: a.seconds + b.seconds, cpuSeconds: a.cpuSeconds + b.cpuSeconds };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)];
  return ((sorted[low] ?? Number.NaN) + (sorted[high] ?? Number.NaN)) / 2;
}

function perFigure(value: (figure: Figure) => number): Usage {
  const entries = figures.map((figure) => [figure, value(figure)]);
  return Object.fromEntries(entries) as Record<Figure, number>;
}

function missing(run: number): never {
  throw new Error(`run ${run + 1} has no counterpart`);
}
