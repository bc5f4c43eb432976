import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import type { Random } from '../../../src/objects/clock.ts';
import { versionOf } from '../../../src/providers/etag.ts';
import type { S3Connection } from '../../../src/providers/s3/client.ts';
import { parseListing } from '../../../src/providers/s3/listing-answer.ts';
import { toListed } from '../../../src/providers/s3/listing.ts';
import { XmlError } from '../../../src/providers/xml-scan.ts';
import { seededRandom } from '../../support/random.ts';
import { printedSeed } from '../../support/seed.ts';
import { damagedXml, XmlWriter, type Element } from '../../support/xml-writer.ts';

interface Read {
  readonly objects: readonly object[];
  readonly truncated: boolean;
  readonly token: string | undefined;
}

/** What the SDK's own deserializer makes of an answer. */
async function bySdk(xml: string): Promise<Read> {
  const client = new S3Client({
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
    maxAttempts: 1,
    requestHandler: {
      handle: async () => ({ response: { statusCode: 200, headers: {}, body: Buffer.from(xml) } }),
    } as never,
  });
  const answer = await client.send(new ListObjectsV2Command({ Bucket: 'bucket' }));
  const objects = (answer.Contents ?? []).map(({ Key = '', Size, ETag = '', LastModified }) => ({
    key: answer.EncodingType === 'url' ? decodeURIComponent(Key.replaceAll('+', ' ')) : Key,
    size: Size,
    version: versionOf(ETag),
    modifiedAt: Math.floor((LastModified?.getTime() ?? 0) / 1_000) * 1_000,
  }));
  // Of one that names where it goes on and does not say that it does the SDK says nothing, which would be its end.
  const { IsTruncated: truncated = Boolean(answer.NextContinuationToken) } = answer;
  return { objects, truncated, token: answer.NextContinuationToken };
}

const connection = { name: 's3', bucket: 'bucket' } as S3Connection;

function byUs(xml: string): Read {
  const answer = parseListing(xml);
  return { objects: toListed(connection, answer), truncated: answer.truncated, token: answer.token };
}

function anyListing(random: Random): Element {
  const below = (limit: number): number => Math.floor(random() * limit);
  const encoded = random() < 0.5;
  const contents = Array.from({ length: below(6) }, () => anyObject(random, encoded));
  const about: Element[] = [
    { name: 'Name', content: 'bucket' },
    { name: 'Prefix', content: '' },
    { name: 'KeyCount', attributes: 'a="&lt;"', content: String(contents.length) },
    ...(encoded ? [{ name: 'EncodingType', content: 'url' }] : []),
    ...(random() < 0.9 ? [{ name: 'IsTruncated', content: ['true', 'false', 'True'][below(3)] ?? '' }] : []),
    ...(random() < 0.5 ? [{ name: 'NextContinuationToken', content: `1/&<${below(1e9)}==` }] : []),
    { name: 'CommonPrefixes', content: [{ name: 'Prefix', content: 'a/' }] },
  ];
  const content = random() < 0.5 ? [...about, ...contents] : [...contents, ...about];
  return { name: 'ListBucketResult', attributes: 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', content };
}

function anyObject(random: Random, encoded: boolean): Element {
  const below = (limit: number): number => Math.floor(random() * limit);
  const characters = ['a', 'b/', ' ', '+', '%', '&', '<', '>', '"', "'", ']]>', 'é', '\u{1F600}', '-', '\u0001'];
  const key = Array.from({ length: 1 + below(8) }, () => characters[below(characters.length)] ?? '').join('');
  const time = new Date(below(2 ** 41)).toISOString();
  const fields: Element[] = [
    { name: 'Key', content: encoded ? encodeURIComponent(key).replaceAll('%20', '+') : `k${key}` },
    { name: 'LastModified', content: random() < 0.5 ? time : time.replace(/\.\d+Z$/, 'Z') },
    { name: 'ETag', content: random() < 0.1 ? '' : `"${below(2 ** 31).toString(16)}-${below(9)}"` },
    { name: 'Size', content: String(below(2 ** 40)) },
    { name: 'ChecksumAlgorithm', content: 'CRC32' },
    { name: 'ChecksumAlgorithm', content: 'SHA256' },
    {
      name: 'Owner',
      content: [
        { name: 'ID', content: '1' },
        { name: 'DisplayName', content: '' },
      ],
    },
    { name: 'StorageClass', content: 'STANDARD' },
  ];
  return { name: 'Contents', content: fields.toSorted(() => random() - 0.5) };
}

test('every listing is read as the SDK reads it', async () => {
  const random = seededRandom(printedSeed('S3 listings'));
  const writer = new XmlWriter(random, { numbers: true });
  for (let n = 0; n < 200; n += 1) {
    const xml = writer.document(anyListing(random));
    expect({ xml, ...byUs(xml) }).toEqual({ xml, ...(await bySdk(xml)) });
  }
});

test('a listing that goes on never looks as if it ended', () => {
  const listing = (about: string): string => `<ListBucketResult>${about}</ListBucketResult>`;
  const token = '<NextContinuationToken>t</NextContinuationToken>';
  expect(parseListing(listing(token))).toMatchObject({ truncated: true, token: 't' });
  expect(parseListing(listing(''))).toMatchObject({ truncated: false });
  for (const word of ['1', 'yes', '', 'tru'])
    expect(() => parseListing(listing(`<IsTruncated>${word}</IsTruncated>${token}`))).toThrow(/neither true nor false/);
});

/** The SDK loses what is in an element that has this between its elements. */
const blankBetween = />[ \t]+</;

test('a damaged listing is refused, or read as the SDK reads it', async () => {
  const random = seededRandom(printedSeed('damaged S3 listings'));
  const writer = new XmlWriter(random, { numbers: true });
  let refused = 0;
  for (let n = 0; n < 600; n += 1) {
    const xml = damagedXml(writer.document(anyListing(random)), random);
    const ours = readOrRefused(xml);
    if (ours === undefined) refused += 1;
    else if (blankBetween.test(xml)) continue;
    // The SDK also minds what is in fields that nobody uses.
    else expect({ xml, ...ours }).toEqual({ xml, ...(await bySdk(xml).catch(() => ours)) });
  }
  expect(refused).toBeGreaterThan(100);
});

function readOrRefused(xml: string): Read | undefined {
  try {
    return byUs(xml);
  } catch {
    return undefined;
  }
}

test('a listing that breaks off anywhere is refused', () => {
  const random = seededRandom(printedSeed('broken S3 listings'));
  const xml = new XmlWriter(random, { numbers: true }).document(anyListing(random)).replace(/(\n|<!-- end -->)$/, '');
  for (let length = 0; length < xml.length; length += 1)
    expect(() => parseListing(xml.slice(0, length))).toThrow(XmlError);
});

test.each([
  ['of something else', '<html><body/></html>'],
  ['with two keys in an entry', '<ListBucketResult><Contents><Key>a</Key><Key>b</Key></Contents></ListBucketResult>'],
  [
    'with two tokens',
    `<ListBucketResult>${'<NextContinuationToken>a</NextContinuationToken>'.repeat(2)}</ListBucketResult>`,
  ],
])('an answer %s is refused', (_, xml) => {
  expect(() => parseListing(xml)).toThrow(XmlError);
});

test.each([
  ['<Key>a</Key>', /no key or no size/],
  ['<Size>1</Size>', /no key or no size/],
  ['<Key>a</Key><Size>many</Size>', /no key or no size/],
  ['<Key>a</Key><Size>-1</Size>', /no key or no size/],
  ['<Key>a</Key><Size/>', /no key or no size/],
  ['<Key>a</Key><Size>1</Size><LastModified>soon</LastModified>', /time/],
])('an entry %j makes the listing invalid', (entry, message) => {
  const answer = parseListing(`<ListBucketResult><Contents>${entry}</Contents></ListBucketResult>`);
  expect(() => toListed(connection, answer)).toThrow(message);
});
