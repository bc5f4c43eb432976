import type { CopyOutcome, Settlement } from '../catalog/claims.ts';

const counts = [
  'copied',
  'bytesCopied',
  'repaired',
  'adopted',
  'rechecked',
  'failures',
  'bytesRead',
  'bytesReadBack',
] as const;

function isCount(name: string): name is (typeof counts)[number] {
  return (counts as readonly string[]).includes(name);
}

/** What a worker did so far: counts of copies (object × target) and bytes. */
export class Tally {
  copied = 0;
  bytesCopied = 0;
  repaired = 0;
  adopted = 0;
  rechecked = 0;
  /** Attempts that did not end in a verified copy. */
  failures = 0;
  bytesRead = 0;
  bytesReadBack = 0;

  /** What another one counted since. */
  merge(grown: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(grown)) if (isCount(name)) this[name] += count;
  }

  /** By how much each count has grown since `before`, where it has; `before` is brought up to it. */
  grownSince(before: Tally): Record<string, number> {
    const grown = Object.entries(this).flatMap(([name, count]: [string, number]) =>
      isCount(name) && count !== before[name] ? [[name, count - before[name]] as const] : [],
    );
    Object.assign(before, this);
    return Object.fromEntries(grown);
  }

  /** Counts a settlement that the catalog applied. */
  add(settlement: Settlement, size: number): void {
    for (const copy of settlement.copies) this.#addCopy(copy, size);
  }

  #addCopy(copy: CopyOutcome, size: number): void {
    if (copy.state === 'released') return;
    if (copy.state !== 'verified') {
      this.failures += 1;
      return;
    }
    if (copy.event === 'adopted') this.adopted += 1;
    else if (copy.event === 'rechecked') this.rechecked += 1;
    else {
      this[copy.event === 'repaired' ? 'repaired' : 'copied'] += 1;
      this.bytesCopied += size;
    }
  }
}
