import type { Disk } from './disk.ts';
import { isErrno } from './errors.ts';
import type { Child } from './names.ts';
import { namesIn } from './names.ts';
import type { Raw } from './raw.ts';

export interface WalkOptions {
  readonly disk: Disk;
  /** Absolute; paths are relative to it. */
  readonly base: Raw;
  /** A directory below it to start in, '' or ending in '/'; the walk holds nothing when it is not there. */
  readonly start: Raw;
  /** Only paths that begin with this. */
  readonly prefix: Raw;
  /** Only paths after this one. */
  readonly after: Raw;
  /** A directory in `base` to leave out. */
  readonly except?: Raw;
  readonly follow: boolean;
  readonly maxNames: number;
}

/** A regular file (by its name's entry), or something that is no object. */
export interface Step {
  readonly path: Raw;
  readonly ignored?: string;
}

interface Frame {
  /** '' or ending in '/'. */
  readonly path: Raw;
  readonly batches: AsyncGenerator<readonly Child[], void, undefined>;
  /** Where links are followed: this directory and those above it. */
  readonly above: ReadonlySet<string>;
  children: readonly Child[];
  next: number;
}

/**
 * Walks a tree in the byte order of its paths, holding the names of one directory for each level. Directories that
 * hold nothing asked for are not read. One that vanishes meanwhile held nothing; one that cannot be read throws.
 */
export async function* walk(options: WalkOptions, signal: AbortSignal): AsyncGenerator<Step, void, undefined> {
  const stack: Frame[] = [frameOf(options, options.start, await rootsOf(options), signal)];
  try {
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      signal.throwIfAborted();
      const child = frame.children[frame.next++] ?? (await nextBatch(frame));
      if (child === undefined) stack.pop();
      else if (typeof child === 'string') yield { path: frame.path.slice(0, -1), ignored: child };
      else if (child.kind === 'directory') stack.push(below(options, frame, child, signal));
      else yield { path: frame.path + child.name, ...(child.reason === undefined ? {} : { ignored: child.reason }) };
    }
  } finally {
    for (const frame of stack) await frame.batches.return();
  }
}

/** @returns the first child of the next batch, undefined at the end, or why the directory cannot be entered. */
async function nextBatch(frame: Frame): Promise<Child | string | undefined> {
  try {
    const step = await frame.batches.next();
    frame.children = step.done === true ? [] : step.value;
    frame.next = 1;
    // An empty batch is the last one.
    return frame.children[0];
  } catch (error) {
    frame.children = [];
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    if (isErrno(error, 'ENAMETOOLONG')) return 'its path is too long to be read';
    throw error;
  }
}

function below(options: WalkOptions, frame: Frame, child: Child, signal: AbortSignal): Frame {
  const above = child.id === undefined ? frame.above : new Set([...frame.above, child.id]);
  return frameOf(options, frame.path + child.name, above, signal);
}

function frameOf(options: WalkOptions, path: Raw, above: ReadonlySet<string>, signal: AbortSignal): Frame {
  const { disk, base, except, follow, maxNames } = options;
  const wanted = (name: Raw): boolean => {
    const whole = path + name;
    if (!name.endsWith('/')) return whole.startsWith(options.prefix) && whole > options.after;
    return `${except}/` !== whole && mayHold(whole, options);
  };
  const directory = `${base}/${path}`.slice(0, -1);
  const batches = namesIn(directory === '' ? '/' : directory, { disk, wanted, follow, above, limit: maxNames }, signal);
  return { path, batches, above, children: [], next: 0 };
}

/** Whether a path below `directory` can begin with the prefix and come after `after`. */
function mayHold(directory: Raw, { prefix, after }: WalkOptions): boolean {
  if (!directory.startsWith(prefix) && !prefix.startsWith(directory)) return false;
  return directory > after || after.startsWith(directory);
}

/** Where links are followed, none may lead back up or into Holdfast's own directory. */
async function rootsOf({ disk, base, except, follow }: WalkOptions): Promise<ReadonlySet<string>> {
  const roots = new Set<string>();
  if (!follow) return roots;
  for (const path of except === undefined ? [base] : [base, `${base}/${except}`]) {
    try {
      const { dev, ino } = await disk.stat(path || '/');
      roots.add(`${dev}:${ino}`);
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
  }
  return roots;
}
