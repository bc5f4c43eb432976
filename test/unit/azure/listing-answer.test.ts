import { AnonymousCredential, ContainerClient } from '@azure/storage-blob';
import { expect, test } from 'vitest';
import type { Random } from '../../../src/objects/clock.ts';
import type { ObjectInfo } from '../../../src/objects/object.ts';
import type { Connection } from '../../../src/providers/azure/connection.ts';
import { parseListing } from '../../../src/providers/azure/listing-answer.ts';
import { listBlobs } from '../../../src/providers/azure/listing.ts';
import { versionOf } from '../../../src/providers/etag.ts';
import { XmlError } from '../../../src/providers/xml-scan.ts';
import { seededRandom } from '../../support/random.ts';
import { printedSeed } from '../../support/seed.ts';
import { damagedXml, XmlWriter, type Element } from '../../support/xml-writer.ts';
import { calm } from './room.ts';

/** The SDK's parser leaves them as they are written. */
const numbers = { numbers: false };

interface Read {
  readonly objects: readonly object[];
  readonly marker: string | undefined;
}

/** What the SDK's own deserializer makes of an answer. */
async function bySdk(xml: string): Promise<Read> {
  const client = new ContainerClient('http://127.0.0.1/account/container', new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
    httpClient: { sendRequest: async (request: object) => await Promise.resolve(responseTo(request, xml)) } as never,
  });
  const { value } = await client.listBlobsFlat().byPage().next();
  const { segment, continuationToken } = value as {
    segment: {
      blobItems: { name: string; properties: { contentLength?: number; etag: string; lastModified: Date } }[];
    };
    continuationToken?: string;
  };
  const objects = segment.blobItems.map(({ name: key, properties: { contentLength, etag, lastModified } }) => ({
    ...{ key, size: contentLength, version: versionOf(etag), modifiedAt: lastModified.getTime() },
  }));
  return { objects, marker: continuationToken || undefined };
}

function responseTo(request: object, xml: string): object {
  const headers = new Map([['content-type', 'application/xml']]);
  const shown = {
    get: (name: string) => headers.get(name.toLowerCase()),
    contains: (name: string) => headers.has(name.toLowerCase()),
    rawHeaders: () => Object.fromEntries(headers),
    headersArray: () => [...headers].map(([name, value]) => ({ name, value })),
    toJson: () => Object.fromEntries(headers),
    toJSON: () => Object.fromEntries(headers),
    clone: () => shown,
  };
  return { status: 200, request, headers: shown, bodyAsText: xml };
}

async function byUs(xml: string): Promise<Read> {
  const connection = {
    reserved: '.holdfast/',
    pageSize: 5_000,
    operation: (verb: string) => ({ provider: 'azure', container: 'container', verb }),
    attempt: async (_: unknown, call: () => Promise<unknown>) => await call(),
    listPage: async () => await Promise.resolve(xml),
  } as unknown as Connection;
  const objects: ObjectInfo[] = [];
  // One page: asked again, this server goes round in circles.
  for await (const { entries } of listBlobs(connection, {}, { ordered: false, startsFrom: false }, calm)) {
    objects.push(...entries);
    break;
  }
  return { objects, marker: parseListing(xml).marker || undefined };
}

function anyListing(random: Random): Element {
  const below = (limit: number): number => Math.floor(random() * limit);
  const content: Element[] = [
    { name: 'Prefix', content: '' },
    { name: 'MaxResults', content: '5000' },
    { name: 'Blobs', content: Array.from({ length: below(6) }, () => anyBlob(random)) },
    ...(random() < 0.8 ? [{ name: 'NextMarker', content: random() < 0.5 ? '' : `2!8!${below(1e9)}&--` }] : []),
  ];
  const attributes = 'ServiceEndpoint="http://127.0.0.1/a?b&amp;c" ContainerName="container"';
  return { name: 'EnumerationResults', attributes, content };
}

function anyBlob(random: Random): Element {
  const below = (limit: number): number => Math.floor(random() * limit);
  const characters = ['a', 'b/', ' ', '+', '%', '&', '<', '>', '"', "'", 'é', '\u{1F600}', '-'];
  const key = Array.from({ length: 1 + below(8) }, () => characters[below(characters.length)] ?? '').join('');
  const name = random() < 0.2 ? { attributes: 'Encoded="true"', content: encodeURIComponent(key) } : { content: key };
  const time = new Date(below(2 ** 41)).toUTCString();
  const properties: Element[] = [
    { name: 'Creation-Time', content: time },
    { name: 'Last-Modified', content: time },
    { name: 'Etag', content: random() < 0.5 ? `0x8D${below(2 ** 31)}` : `"0x8D${below(2 ** 31)}"` },
    { name: 'Content-Length', content: String(below(2 ** 40)) },
    { name: 'Content-Type', content: 'text/plain; charset="utf-8"' },
    { name: 'Content-MD5', content: '' },
    { name: 'BlobType', content: 'BlockBlob' },
  ];
  const content = [
    { name: 'Name', ...name },
    { name: 'Properties', content: properties.toSorted(() => random() - 0.5) },
    { name: 'Metadata', content: [{ name: 'Name', content: 'no name' }] },
    { name: 'OrMetadata', content: '' },
  ];
  return { name: 'Blob', content: content.toSorted(() => random() - 0.5) };
}

test('every listing is read as the SDK reads it', async () => {
  const random = seededRandom(printedSeed('Azure listings'));
  const writer = new XmlWriter(random, numbers);
  for (let n = 0; n < 200; n += 1) {
    const xml = writer.document(anyListing(random));
    expect({ xml, ...(await byUs(xml)) }).toEqual({ xml, ...(await bySdk(xml)) });
  }
});

test('a damaged listing is refused, or read as the SDK reads it', async () => {
  const random = seededRandom(printedSeed('damaged Azure listings'));
  const writer = new XmlWriter(random, numbers);
  let refused = 0;
  for (let n = 0; n < 400; n += 1) {
    const xml = damagedXml(writer.document(anyListing(random)), random);
    const ours = await byUs(xml).catch(() => undefined);
    if (ours === undefined) refused += 1;
    // The SDK also minds what is in fields that nobody uses.
    else expect({ xml, ...ours }).toEqual({ xml, ...(await bySdk(xml).catch(() => ours)) });
  }
  expect(refused).toBeGreaterThan(50);
});

test('a listing that breaks off anywhere is refused', () => {
  const random = seededRandom(printedSeed('broken Azure listings'));
  const xml = new XmlWriter(random, numbers).document(anyListing(random)).replace(/(\n|<!-- end -->)$/, '');
  for (let length = 0; length < xml.length; length += 1)
    expect(() => parseListing(xml.slice(0, length))).toThrow(XmlError);
});

test.each([
  ['of something else', '<html><body/></html>'],
  ['without blobs', '<EnumerationResults><NextMarker/></EnumerationResults>'],
  ['with blobs twice', '<EnumerationResults><Blobs/><Blobs/></EnumerationResults>'],
])('an answer %s is refused as not whole', async (_, xml) => {
  await expect(byUs(xml)).rejects.toMatchObject({ code: 'unavailable' });
});

const whole = ['<Name>a</Name>', '<Content-Length>1</Content-Length>', '<Etag>e</Etag>'] as const;

test.each([
  ['name', '', whole[1] + whole[2]],
  ['size', whole[0], whole[2]],
  ['ETag', whole[0], whole[1]],
  ['time', whole[0], whole[1] + whole[2]],
  ['time', whole[0], `${whole[1]}${whole[2]}<Last-Modified>soon</Last-Modified>`],
])('a blob without %s makes the listing invalid', async (lacking, name, properties) => {
  const blob = `<Blob>${name}<Properties>${properties}</Properties></Blob>`;
  await expect(byUs(`<EnumerationResults><Blobs>${blob}</Blobs></EnumerationResults>`)).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining(`no ${lacking}`),
  });
});

test('a name that is not encoded as announced makes the listing invalid', async () => {
  const properties = `${whole[1]}${whole[2]}<Last-Modified>Sat, 31 Jan 2026 23:59:59 GMT</Last-Modified>`;
  const blob = `<Blob><Name Encoded="true">%zz</Name><Properties>${properties}</Properties></Blob>`;
  const xml = `<EnumerationResults><Blobs>${blob}</Blobs></EnumerationResults>`;
  await expect(byUs(xml)).rejects.toMatchObject({ code: 'invalid' });
});
