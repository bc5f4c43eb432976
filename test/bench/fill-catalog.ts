import type { ImportedCopy, ImportedObject } from '../../src/catalog/import.ts';
import type { PolicyRow } from '../../src/catalog/policies.ts';
import { openSqliteCatalog } from '../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../src/objects/clock.ts';
import { noAttributes } from '../../src/objects/object.ts';
import { synthetic, type Listed } from './synthetic.ts';

const groupsOf = 5_000;

/** Has the catalog know so many synthetic objects, each with a verified copy at every target of the policy. */
export async function fillCatalog(path: string, policy: PolicyRow, objects: number): Promise<void> {
  await using catalog = await openSqliteCatalog({ path, clock: systemClock });
  await catalog.syncPolicies([policy], { forget: true });
  for (let number = 0; number < objects; number += groupsOf) {
    const length = Math.min(groupsOf, objects - number);
    const group = Array.from({ length }, (_, index) => imported(synthetic(number + index), policy.targets));
    await catalog.importObjects(policy.name, group);
  }
}

function imported({ key, size, version, md5, modifiedAt }: Listed, targets: readonly string[]): ImportedObject {
  const sha256 = md5.toString('hex').repeat(2);
  const copies = targets.map((target): ImportedCopy => {
    const evidence = { method: 'attested', sha256, by: 'crc32c', at: modifiedAt } as const;
    return { target, state: 'verified', version: versionAt(version, target), evidence, recorded: true };
  });
  const object = { key, size, version: version.s3, modifiedAt };
  return { ...object, sha256, checksums: { sha256 }, attributes: noAttributes, copies };
}

function versionAt(version: Listed['version'], target: string): string {
  return target === 'gcs' || target === 'azure' ? version[target] : version.s3;
}
