import { createHash, timingSafeEqual } from 'node:crypto';

/** Who may use the routes that change or reveal data. */
export interface Access {
  /** The bearer token; without one the routes answer only where `loopback` says that nobody else can reach them. */
  readonly token: string | undefined;
  readonly loopback: boolean;
}

/** What of a request decides whether it may pass. */
export interface Credentials {
  readonly authorization: string | undefined;
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

export type Refusal = { readonly status: 401 | 403; readonly message: string };

/** @returns why a request may not pass, or undefined when it may. */
export function refusal(access: Access, request: Credentials): Refusal | undefined {
  if (access.token === undefined) {
    if (access.loopback) return foreignPage(request);
    const message = 'this route needs a token: set http.token in the configuration, or listen on a loopback address';
    return { status: 403, message };
  }
  const given = /^Bearer +(\S+) *$/i.exec(request.authorization ?? '')?.[1];
  if (given !== undefined && sameToken(given, access.token)) return undefined;
  return { status: 401, message: 'send the token of http.token as "Authorization: Bearer <token>"' };
}

/**
 * On loopback without a token, a web page in this machine's browser could send requests too: from its own origin,
 * or under a name of its own that it makes resolve to this machine.
 */
function foreignPage({ host, origin }: Credentials): Refusal | undefined {
  const names = [`http://${host ?? ''}`, ...(origin === undefined ? [] : [origin])];
  if (names.every(isLocal)) return undefined;
  const message = 'without a token this route answers only requests to and from this machine by its loopback names';
  return { status: 403, message };
}

function isLocal(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Compares digests, so that the time taken tells nothing of where the tokens differ. */
function sameToken(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
