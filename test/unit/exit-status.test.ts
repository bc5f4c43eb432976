import { expect, test } from 'vitest';
import { CatalogError, type CatalogErrorCode } from '../../src/catalog/errors.ts';
import { exitStatusOf } from '../../src/cli/exit-status.ts';
import { ProviderError, UsageError } from '../../src/objects/errors.ts';

test.each<[CatalogErrorCode, number]>([
  ['newer-schema', 2],
  ['corrupt', 2],
  ['busy', 1],
  ['full', 1],
  // Once it was open: the disk failed, not the configuration.
  ['unavailable', 1],
])('a catalog that is %s ends the command with %i', (code, status) => {
  expect(exitStatusOf(new CatalogError(code, 'why'))).toBe(status);
});

test('usage is 2, everything else 1', () => {
  expect(exitStatusOf(new UsageError('why'))).toBe(2);
  expect(exitStatusOf(new ProviderError('denied', 'why', { provider: 'aws' }))).toBe(1);
  expect(exitStatusOf('why')).toBe(1);
});
