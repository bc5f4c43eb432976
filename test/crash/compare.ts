import { createReadStream } from 'node:fs';
import type { Version } from './content.ts';
import { hashed, usersFiles, type Place } from './places.ts';
import type { Writer } from './writer.ts';

/** Files up to this many bytes are hashed at every look; of larger ones only the size is compared, until the end. */
const hashedAtOnce = 256 * 1024;

function isOneOf(versions: readonly Version[] | undefined, { size, sha256 }: Version): boolean {
  return versions?.some((version) => version.size === size && version.sha256 === sha256) === true;
}

/**
 * Looks at what can be seen at a place at this moment, whatever is under way: each object is one that the source had
 * once, whole.
 */
export class Watch {
  readonly #writer: Writer;
  readonly #seen = new Map<string, number>();
  looks = 0;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** @returns what is not as it must be. */
  async look({ name, directory }: Place): Promise<readonly string[]> {
    if (directory === undefined) return [];
    const wrong: string[] = [];
    for (const { key, path, size, mtimeMs } of await usersFiles(directory)) {
      if (this.#seen.get(path) === mtimeMs) continue;
      this.#seen.set(path, mtimeMs);
      this.looks += 1;
      const versions = this.#writer.ever.get(key);
      if (versions?.some((version) => version.size === size) !== true) wrong.push(`${name}: ${key} has ${size} bytes`);
      else if (size <= hashedAtOnce && !isOneOf(versions, await hashed(createReadStream(path))))
        wrong.push(`${name}: ${key} has bytes that it never had`);
    }
    return wrong;
  }
}

export interface Differences {
  /** At the source, and not at the place. */
  readonly lost: readonly string[];
  /** At the place, with other bytes than the source's, or that no version of it ever had. */
  readonly wrong: readonly string[];
}

/** Compares what a place holds, byte for byte, with what the source has and had. */
export async function differences(place: Place, { present, ever }: Writer): Promise<Differences> {
  const held = await place.inventory();
  const lost = [...present.keys()].filter((key) => !held.has(key));
  const wrong = [...held].filter(([key, version]) => {
    const current = present.get(key);
    return !isOneOf(current === undefined ? ever.get(key) : [current], version);
  });
  return { lost: lost.map((key) => `${place.name}: ${key}`), wrong: wrong.map(([key]) => `${place.name}: ${key}`) };
}
