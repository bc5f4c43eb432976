import { describe } from 'vitest';
import { claimCases } from './catalog/claim.ts';
import { copyPaceCases } from './catalog/copy-pace.ts';
import { countCases } from './catalog/counts.ts';
import { decideCases } from './catalog/decide.ts';
import { deletionCases } from './catalog/deletions.ts';
import { drillCases } from './catalog/drills.ts';
import { forgetCases } from './catalog/forget.ts';
import { historyCases } from './catalog/history.ts';
import { holdCases } from './catalog/hold.ts';
import { identifyCases } from './catalog/identify.ts';
import { importCases } from './catalog/import.ts';
import { keptCases } from './catalog/kept.ts';
import { lossCases } from './catalog/losses.ts';
import { policyCases } from './catalog/policies.ts';
import { randomCases } from './catalog/random.ts';
import { recordCopyCases } from './catalog/record-copies.ts';
import { recordSourceCases } from './catalog/record-source.ts';
import { scanCases } from './catalog/scan.ts';
import { scrubCases } from './catalog/scrub.ts';
import { settleCases } from './catalog/settle.ts';
import { settleSourceCases } from './catalog/settle-source.ts';
import { uploadCases } from './catalog/uploads.ts';
import type { CreateStore } from './catalog/fixture.ts';

/** What every implementation of `Catalog` must do. Knows the interface only. */
export function describeCatalogContract(name: string, create: CreateStore): void {
  describe(`catalog contract: ${name}`, () => {
    policyCases(create);
    scanCases(create);
    recordSourceCases(create);
    recordCopyCases(create);
    claimCases(create);
    settleCases(create);
    settleSourceCases(create);
    identifyCases(create);
    decideCases(create);
    holdCases(create);
    forgetCases(create);
    deletionCases(create);
    historyCases(create);
    importCases(create);
    keptCases(create);
    uploadCases(create);
    countCases(create);
    lossCases(create);
    copyPaceCases(create);
    scrubCases(create);
    drillCases(create);
    randomCases(create);
  });
}
