import type { Call } from './call.ts';
import type { Answer } from './respond.ts';
import { resourceOf } from './store.ts';

/** Names in byte order, in pages of at most `maxResults`. The token is the last name of the page, encoded. */
export function listObjects({ query, faults, bucket }: Call): Answer {
  const compare = faults.has('list-out-of-order') ? byUtf16 : byBytes;
  const from = faults.has('list-starts-by-utf16') ? byUtf16 : byBytes;
  const prefix = query.get('prefix') ?? '';
  const startOffset = faults.has('list-ignores-start') ? '' : (query.get('startOffset') ?? '');
  const token = query.get('pageToken');
  const after = token === null ? undefined : Buffer.from(token, 'base64url').toString('utf8');
  const objects = [...bucket().values()]
    .filter(({ name }) => name.startsWith(prefix) && from(name, startOffset) >= 0)
    .filter(({ name }) => after === undefined || compare(name, after) > 0)
    .toSorted((a, b) => compare(a.name, b.name));
  const page = objects.slice(0, Math.min(Number(query.get('maxResults') ?? '1000'), 1_000));
  const last = page.at(-1)?.name;
  const more = objects.length > page.length && last !== undefined;
  const nextPageToken = faults.has('repeat-page-token') ? 'again' : Buffer.from(last ?? '').toString('base64url');
  const fields = /items\(([^)]*)\)/.exec(query.get('fields') ?? '')?.[1] ?? null;
  return {
    body: {
      kind: 'storage#objects',
      ...(more || faults.has('repeat-page-token') ? { nextPageToken } : {}),
      ...(page.length > 0 && { items: page.map((object) => resourceOf(object, fields, faults)) }),
    },
  };
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function byUtf16(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
