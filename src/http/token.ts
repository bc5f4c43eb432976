import { createHash, timingSafeEqual } from 'node:crypto';

/** Who may use the routes that change or reveal data. */
export interface Access {
  /** The bearer token; without one the routes answer only where `loopback` says that nobody else can reach them. */
  readonly token: string | undefined;
  readonly loopback: boolean;
}

export type Refusal = { readonly status: 401 | 403; readonly message: string };

/** @returns why a request may not pass, or undefined when it may. */
export function refusal(access: Access, authorization: string | undefined): Refusal | undefined {
  if (access.token === undefined) {
    if (access.loopback) return undefined;
    const message = 'this route needs a token: set http.token in the configuration, or listen on a loopback address';
    return { status: 403, message };
  }
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (given !== undefined && sameToken(given, access.token)) return undefined;
  return { status: 401, message: 'send the token of http.token as "Authorization: Bearer <token>"' };
}

/** Compares digests, so that the time taken tells nothing of where the tokens differ. */
function sameToken(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
