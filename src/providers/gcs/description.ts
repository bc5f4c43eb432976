import type { Attributes, CopyRecord } from '../../objects/object.ts';
import type { Description } from '../record.ts';
import { contentHeaders } from './resource.ts';

/** Reads back what was written as a description. Undefined when it is not one: the copy then describes nothing. */
export function parseDescription(text: string): Description | undefined {
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  const [record, attributes] = [parseRecord(value.record), parseAttributes(value.attributes)];
  return { ...(record === undefined ? {} : { record }), ...(attributes === undefined ? {} : { attributes }) };
}

function parseAttributes(value: unknown): Attributes | undefined {
  if (!isObject(value) || !isTexts(value.metadata)) return undefined;
  const headers = contentHeaders.map((header) => [header, value[header]] as const);
  const given = Object.fromEntries(headers.filter(([, text]) => text !== undefined));
  return isTexts(given) ? { ...given, metadata: value.metadata } : undefined;
}

function parseRecord(value: unknown): CopyRecord | undefined {
  if (!isObject(value) || !isTexts(value.checksums)) return undefined;
  const { sha256, size, sourceVersion, sourceModifiedAt } = value;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256) || typeof sourceVersion !== 'string')
    return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  if (typeof sourceModifiedAt !== 'number' || !Number.isFinite(sourceModifiedAt)) return undefined;
  return { sha256, size, sourceVersion, sourceModifiedAt, checksums: value.checksums };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
