import type { Call } from './call.ts';
import { arrived } from './faults.ts';
import type { Answer } from './respond.ts';
import { GcsError } from './respond.ts';
import type { Claims, Metadata } from './store.ts';
import { resourceOf, store } from './store.ts';

/** `uploadType=multipart` and `uploadType=media`. */
export function insertObject(call: Call): Answer {
  const { query, request, body, faults, bucket } = call;
  const type = request.headers['content-type'] ?? '';
  const parsed =
    query.get('uploadType') === 'media'
      ? { metadata: { contentType: type }, bytes: body }
      : parseMultipart(body, /boundary="?([^";]+)"?/.exec(type)?.[1] ?? '');
  const { metadata, claims } = splitClaims(parsed.metadata);
  const name = query.get('name') ?? nameOf(metadata);
  const object = { name, bytes: arrived(parsed.bytes, faults), metadata, claims };
  const stored = store(bucket(), object, query.get('ifGenerationMatch'), faults);
  return { body: resourceOf(stored, query.get('fields'), faults) };
}

export function nameOf({ name }: Metadata): string {
  return typeof name === 'string' ? name : '';
}

/** Separates what a client says of the bytes from what it wants kept. */
export function splitClaims(sent: Metadata): { metadata: Metadata; claims: Claims } {
  const { crc32c, md5Hash, ...metadata } = sent;
  return {
    metadata,
    claims: {
      ...(typeof crc32c === 'string' ? { crc32c } : {}),
      ...(typeof md5Hash === 'string' ? { md5Hash } : {}),
    },
  };
}

/** Two parts: the metadata as JSON, and the bytes. */
function parseMultipart(body: Buffer, boundary: string): { metadata: Metadata; bytes: Buffer } {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const whole = Buffer.concat([Buffer.from('\r\n'), body]);
  const at: number[] = [];
  for (let found = whole.indexOf(delimiter); found >= 0; found = whole.indexOf(delimiter, found + delimiter.length)) {
    at.push(found);
  }
  const [first, second, third] = at;
  if (boundary === '' || first === undefined || second === undefined || third === undefined || at.length !== 3) {
    throw new GcsError(400, 'badContent', 'Malformed multipart body.');
  }
  const metadata = JSON.parse(
    contentOf(whole.subarray(first + delimiter.length, second)).content.toString(),
  ) as Metadata;
  const { content, type } = contentOf(whole.subarray(second + delimiter.length, third));
  return { metadata: { ...(type !== undefined && { contentType: type }), ...metadata }, bytes: content };
}

function contentOf(part: Buffer): { type: string | undefined; content: Buffer } {
  const end = part.indexOf('\r\n\r\n');
  if (end < 0) throw new GcsError(400, 'badContent', 'Malformed part.');
  const type = /^content-type: *(.*)$/im.exec(part.subarray(0, end).toString())?.[1]?.trim();
  return { type, content: part.subarray(end + 4) };
}
