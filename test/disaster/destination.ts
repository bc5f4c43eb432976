import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { differingAttribute, noAttributes, type Attributes } from '../../src/objects/object.ts';
import type { Version } from '../crash/content.ts';
import { hashed, lookedAtS3, usersFiles } from '../crash/places.ts';
import { sidecarOf } from '../support/damage-files.ts';
import { digestsThatDisagree } from '../support/sha256sum.ts';
import { labelsOf, modifiedAt as timeOf, type Bucket, type Labels } from './source.ts';

/** What stands where objects were brought back to, seen from outside. */
export interface Look {
  readonly keys: ReadonlySet<string>;
  /** What is not as it was, besides the bytes. */
  differences(key: string, truth: Version & Labels): Promise<readonly string[]>;
  /** Of SHA-256 digests by key with the bytes; '' when there is none. */
  disagreements(digests: ReadonlyMap<string, string>): Promise<string>;
}

export async function lookAtDirectory(directory: string): Promise<Look> {
  const files = new Map((await usersFiles(directory)).map((file) => [file.key, file]));
  return {
    keys: new Set(files.keys()),
    differences: async (key, { size, modifiedAt: expected, attributes }) => {
      const found = files.get(key);
      const time = await timeOf(join(directory, key));
      return [
        ...(found?.size === size ? [] : [`${found?.size} bytes, not ${size}`]),
        ...(time === expected ? [] : [`modified at ${time}, not ${expected}`]),
        ...unlikeAttributes(await attributesBeside(directory, key), attributes),
      ];
    },
    disagreements: async (digests) => await digestsThatDisagree(directory, digests),
  };
}

/** A file that has none needs no sidecar. */
async function attributesBeside(directory: string, key: string): Promise<Attributes> {
  const text = await readFile(sidecarOf(directory, key), 'utf8').catch(() => undefined);
  return text === undefined ? noAttributes : (JSON.parse(text) as { readonly attributes: Attributes }).attributes;
}

export async function lookAtBucket(bucket: Bucket): Promise<Look> {
  const held = await lookedAtS3(bucket.client, bucket.name, async (answer) => ({
    ...labelsOf(answer),
    ...(await hashed(answer.Body as AsyncIterable<Uint8Array>)),
  }));
  return {
    keys: new Set(held.keys()),
    // A server gives its own time to what is written to it, and a type of its own to what has none.
    differences: (key, { attributes }) => {
      const { contentType, ...found } = held.get(key)?.attributes ?? noAttributes;
      const isOwn = attributes.contentType === undefined || contentType === undefined;
      return Promise.resolve(unlikeAttributes({ ...found, ...(isOwn ? {} : { contentType }) }, attributes));
    },
    disagreements: async (digests) =>
      [...digests].flatMap(([key, sha256]) => (held.get(key)?.sha256 === sha256 ? [] : `${key}: FAILED\n`)).join(''),
  };
}

function unlikeAttributes(found: Attributes, truth: Attributes): string[] {
  const field = differingAttribute(found, truth);
  return field === undefined ? [] : [`another ${field}: ${JSON.stringify(found)}, not ${JSON.stringify(truth)}`];
}
