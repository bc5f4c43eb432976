import type { Attributes, CopyRecord, ObjectHead, ObjectInfo } from '../objects/object.ts';
import type { Key } from '../objects/key.ts';
import type { Description } from './record.ts';

/** Where a description stands; `reserved` is Holdfast's own part of the bucket, `<root>.holdfast/`. */
export function descriptionKey(reserved: Key, id: string): Key {
  return `${reserved}descriptions/${id.slice(0, 2)}/${id}.json`;
}

/** Equal contents give equal bytes, so that writing one twice is harmless. */
export function serializeDescription({ record, attributes }: Description): Buffer {
  return Buffer.from(JSON.stringify({ attributes, record }));
}

/** What was written as a description, as far as it is whole. Undefined when it is none: the copy then describes nothing. */
export function parseDescription(text: string): Description | undefined {
  const value = parseObject(text);
  if (value === undefined) return undefined;
  const { record, attributes } = value;
  return { ...(isRecord(record) && { record }), ...(isAttributes(attributes) && { attributes }) };
}

/**
 * Whether no other copy may name it: one with a record was written for a single upload, under an id of its own. Those
 * without are named by their contents and shared, so that they stay.
 */
export function belongsToOneCopy(description: Description | undefined): boolean {
  return description?.record !== undefined;
}

/** What an object's metadata says, before its description is fetched. */
export interface SelfPortrait {
  readonly attributes: Attributes;
  readonly record?: CopyRecord;
  readonly descriptionId?: string;
}

export function describedHead(info: ObjectInfo, own: SelfPortrait, description: Description | undefined): ObjectHead {
  const record = own.record ?? description?.record;
  const attributes = description?.attributes ?? own.attributes;
  return { ...info, attributes, ...(record !== undefined && { record }) };
}

export const contentHeaders = [
  'contentType',
  'cacheControl',
  'contentEncoding',
  'contentDisposition',
  'contentLanguage',
] as const;

export type ContentHeader = (typeof contentHeaders)[number];

/** A JSON object, or undefined for anything else. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isAttributes(value: unknown): value is Attributes {
  if (!isObject(value) || !isTexts(value['metadata'])) return false;
  return contentHeaders.every((name) => value[name] === undefined || typeof value[name] === 'string');
}

export function isRecord(value: unknown): value is CopyRecord {
  if (!isObject(value) || !isTexts(value['checksums'])) return false;
  const { sha256, size, sourceVersion, sourceModifiedAt } = value;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256) || typeof sourceVersion !== 'string') return false;
  return Number.isSafeInteger(size) && Number(size) >= 0 && Number.isFinite(sourceModifiedAt);
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
