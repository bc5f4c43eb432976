import { describe } from 'vitest';
import { arbitraryCases } from './provider/arbitrary.ts';
import { attributeCases } from './provider/attributes.ts';
import { connectCases, errorCases } from './provider/errors.ts';
import type { ProviderFixture } from './provider/fixture.ts';
import { keyCases } from './provider/keys.ts';
import { listingCases } from './provider/listing.ts';
import { preconditionCases } from './provider/preconditions.ts';
import { readingCases } from './provider/reading.ts';
import { resumingCases } from './provider/resuming.ts';
import { uploadCases } from './provider/uploads.ts';
import { writingCases } from './provider/writing.ts';

export type { Expectations, OpenedProvider, ProviderFixture } from './provider/fixture.ts';

/** What the comment of `Provider` promises, as cases. Every implementation and every decorator runs them all. */
export function describeProviderContract(name: string, fixture: ProviderFixture): void {
  describe(`${name} keeps the provider contract`, { timeout: 60_000 }, () => {
    connectCases(fixture);
    writingCases(fixture);
    readingCases(fixture);
    uploadCases(fixture);
    resumingCases(fixture);
    keyCases(fixture);
    listingCases(fixture);
    preconditionCases(fixture);
    attributeCases(fixture);
    errorCases(fixture);
    arbitraryCases(name, fixture);
  });
}
