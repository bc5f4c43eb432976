import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const src = join(import.meta.dirname, '..', '..', 'src');

/** An SDK costs tens of megabytes and hundreds of milliseconds: whoever has no bucket there must not pay for it. */
test('no file imports a cloud SDK other than as types or by import()', () => {
  const eager = globSync('**/*.ts', { cwd: src }).filter((file) =>
    /^(?:import (?!type\b)|export )[^;]*from '@(?!aws-sdk\/crc64-nvme')(?:aws-sdk|azure|google-cloud|smithy)\//m.test(
      readFileSync(join(src, file), 'utf8'),
    ),
  );
  expect(eager).toEqual([]);
});
