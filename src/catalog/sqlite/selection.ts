import type { SQLInputValue } from 'node:sqlite';

/** Objects that a statement is about. */
export interface Selection {
  /** `objects as o`, with the index to use where there are many. */
  readonly from: string;
  readonly where: string;
  readonly values: readonly SQLInputValue[];
}

export function oneObject(id: number): Selection {
  return { from: 'objects as o', where: 'o.id = ?', values: [id] };
}
