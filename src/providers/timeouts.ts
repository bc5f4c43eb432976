import type { Operation } from './intercept.ts';

/** How long a provider may take, in milliseconds. */
export interface Timeouts {
  /** To be reached. */
  readonly connect: number;
  /** Without a byte in either direction. */
  readonly idle: number;
  /** For one request, besides the time its bytes need. */
  readonly call: number;
}

const seconds = 1_000;

export const usualTimeouts: Timeouts = { connect: 10 * seconds, idle: 60 * seconds, call: 60 * seconds };

/** Parts of `call`: some requests are nothing to wait for, and assembling a large object takes S3 minutes. */
const shares: Readonly<Record<Operation, number>> = {
  connect: 2,
  list: 2,
  head: 1 / 2,
  read: 1,
  put: 1,
  'start-upload': 1,
  'resume-upload': 1,
  // A filesystem reads the part back.
  keep: 10,
  part: 1,
  complete: 15,
  abort: 1 / 2,
  'list-uploads': 1,
  delete: 1 / 2,
};

/** The limits of all requests, in milliseconds, when an ordinary one may take `call`. */
export function requestTimeouts(call: number): Readonly<Record<Operation, number>> {
  return Object.fromEntries(Object.entries(shares).map(([operation, share]) => [operation, share * call])) as Record<
    Operation,
    number
  >;
}
