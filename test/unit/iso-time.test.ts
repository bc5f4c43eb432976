import { expect, test } from 'vitest';
import { noAttributes } from '../../src/objects/object.ts';
import { describe as described, parseMetadata, type MetadataRules } from '../../src/providers/record.ts';
import { isoTime } from '../../src/objects/iso-time.ts';

const rules: MetadataRules = { maxBytes: 2_048, faithful: () => true, separator: '-' };

test.each([-9e15, -8.64e15, -1, 0, 1.5, 8.64e15, 9e15, Number.MAX_VALUE])('%d milliseconds can be told', (ms) => {
  const near = Math.trunc(Math.max(-8.64e15, Math.min(8.64e15, ms)));
  expect(Date.parse(isoTime(ms)) - near).toBe(0);
  const record = { sha256: 'ab'.repeat(32), size: 1, sourceVersion: 'v', sourceModifiedAt: ms, checksums: {} };
  const { metadata } = described(noAttributes, record, rules);
  expect((parseMetadata(metadata, rules).record?.sourceModifiedAt ?? NaN) - near).toBe(0);
});
