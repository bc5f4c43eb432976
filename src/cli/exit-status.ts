/** What the program's exit status says; part of the outside. */
export const exitStatus = {
  /** All in place. */
  ok: 0,
  /** Something is not: copies failed, missing or damaged. */
  incomplete: 1,
  /** Bad usage or configuration. */
  usage: 2,
  /** Held by the guard. */
  held: 3,
  interrupted: 130,
} as const;

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];
