import { expect, test } from 'vitest';
import * as counts from '../../../src/catalog/sqlite/counts-read.ts';
import { Database } from '../../../src/catalog/sqlite/database.ts';
import * as below from '../../../src/catalog/sqlite/due-below.ts';
import {
  anyPresentSql,
  claimGoneSql,
  countGoneCopiesSql,
  countGoneSql,
} from '../../../src/catalog/sqlite/claim-gone.ts';
import { oldestSql, oldestUnlessSql } from '../../../src/catalog/sqlite/due.ts';
import { boundsSql, drawSql, verifiedSql } from '../../../src/catalog/sqlite/drills.ts';
import { kindsSql, rejectedOf, selectNewest } from '../../../src/catalog/sqlite/decide-hold.ts';
import { countSql as observedCountSql, observedBelow } from '../../../src/catalog/sqlite/decide-observed.ts';
import { forgetSql } from '../../../src/catalog/sqlite/forget.ts';
import { expiredSql, ofKeySql, pageOfKeysSql, renewSql } from '../../../src/catalog/sqlite/kept.ts';
import { groupsBelowSql, groupsSql } from '../../../src/catalog/sqlite/groups.ts';
import { keyRange } from '../../../src/catalog/sqlite/key-range.ts';
import * as loss from '../../../src/catalog/sqlite/loss.ts';
import * as makeDue from '../../../src/catalog/sqlite/make-due.ts';
import { migrate } from '../../../src/catalog/sqlite/migrate.ts';
import { firstAndLastSql } from '../../../src/catalog/sqlite/narrow-prefix.ts';
import * as outstanding from '../../../src/catalog/sqlite/outstanding.ts';
import * as problems from '../../../src/catalog/sqlite/problems.ts';
import { copyOutlinesSql, outlinesSql } from '../../../src/catalog/sqlite/outlines.ts';
import { copiesSql, objectsSql } from '../../../src/catalog/sqlite/rows.ts';
import { oldestSql as oldestEvidenceSql } from '../../../src/catalog/sqlite/scrub.ts';
import { callInSql } from '../../../src/catalog/sqlite/set-back.ts';
import { tallySql } from '../../../src/catalog/sqlite/tally.ts';
import { furtherOnSql, pageSql } from '../../../src/catalog/sqlite/scan.ts';
import { claimOrphanSql, orphansSql } from '../../../src/catalog/sqlite/orphans.ts';
import * as uploads from '../../../src/catalog/sqlite/uploads.ts';
import { temporaryCatalog } from './temporary-catalog.ts';

const range = keyRange('users/');
const page = pageSql(range.sql);
const observed = observedBelow(1, range);

/** Statements that must neither read a table from end to end nor sort more than they return. */
const statements: Readonly<Record<string, string>> = {
  'claim: oldest': oldestSql,
  'claim: call in': callInSql,
  'claim: below a prefix, by due time': below.byDueSql(range),
  'claim: below a prefix, by key': below.byKeySql(range),
  'claim: oldest that no other waits for': oldestUnlessSql([1, 2]),
  'claim: below a prefix, by due time, that no other waits for': below.byDueSql(range, [1, 2]),
  'claim: below a prefix, by key, that no other waits for': below.byKeySql(range, [1, 2]),
  'deletions: claim': claimGoneSql,
  'deletions: any present': objectsSql(anyPresentSql),
  'deletions: copies': countGoneCopiesSql,
  'drill: first and last': boundsSql,
  'drill: draw': drawSql,
  'drill: verified': verifiedSql,
  'first and last key': firstAndLastSql,
  'further on': furtherOnSql(range.sql),
  'further on, after a key': furtherOnSql(keyRange('users/', Buffer.from('users/a')).sql),
  'kept: expired': expiredSql,
  'kept: renewed': renewSql,
  'kept: page of keys': pageOfKeysSql(range),
  'scan: objects': objectsSql(page),
  'scan: copies': copiesSql(page),
  'outline: objects': outlinesSql(page),
  'outline: copies': copyOutlinesSql(page),
  'outstanding: due': outstanding.dueSql(),
  'outstanding: due below a prefix': outstanding.dueSql(range),
  'outstanding: next': outstanding.nextDueSql(),
  'outstanding: next lease': outstanding.nextLeaseSql(),
  'scrub: oldest': oldestEvidenceSql('past'),
  'make due': makeDue.allSql,
  'make due below a prefix': makeDue.belowSql(range.sql),
  'decide: how many': observedCountSql(observed),
  'decide: forget': forgetSql(observed),
  'hold: how many': kindsSql(observed, 'observed_kind'),
  'hold: how many rejected': kindsSql(rejectedOf(1), 'rejected_kind'),
  'hold: decisions': selectNewest,
  'counts: groups': groupsSql,
  'counts: oldest evidence': counts.evidenceSql(),
  'counts: oldest that waits': counts.waitingSql(),
  'losses: newest': loss.ownAgeSql('max'),
  'losses: newest of the undecided': loss.otherAgeSql('max'),
};

/** Statements that sort or group, but only what an index narrowed down before. */
const sorting: Readonly<Record<string, string>> = {
  'deletions: how many': countGoneSql,
  'outstanding: leased': outstanding.leasedSql(),
  'kept: of a key': ofKeySql,
  'counts: groups below a prefix': groupsBelowSql(range),
  'counts: oldest that waits below a prefix': counts.waitingSql(range),
  'uploads: of an object': uploads.ofObjectSql,
  'uploads: at a key': uploads.ofKeySql,
  'uploads: at a target': uploads.ofTargetSql,
  'uploads: of a settled copy': uploads.dropSettledSql,
  'uploads: orphans': orphansSql,
  'uploads: claim an orphan': claimOrphanSql,
  'problems: few': problems.bySortSql(range.sql),
  'problems: many': problems.byKeySql(range.sql),
};

test.each(Object.entries(statements))('%s: by index, in order', async (_, sql) => {
  const plan = await planOf(sql);
  expect(plan.filter((line) => line.startsWith('USE TEMP B-TREE'))).toEqual([]);
  expectNoScan(plan);
});

test.each(Object.entries(sorting))('%s: by index', async (_, sql) => {
  expectNoScan(await planOf(sql));
});

test('an index alone answers what is asked most often', async () => {
  const asked = [outstanding.dueSql(), counts.evidenceSql(), counts.waitingSql(), loss.ownAgeSql('min')];
  for (const sql of [...asked, furtherOnSql(range.sql)]) {
    expect((await planOf(sql)).join('\n')).toContain('USING COVERING INDEX');
  }
});

test('tallying looks up what is noted and nothing else', async () => {
  for (const sql of tallySql) {
    const plan = (await planOf(sql)).filter((line) => !/^SCAN (u|untallied|tallies)$/.test(line));
    expectNoScan(plan);
  }
});

/** `SCAN q` reads the rows of a subquery, json_each those of an argument; neither is a table. */
function expectNoScan(plan: readonly string[]): void {
  const scans = plan.filter((line) => /^SCAN (?!json_each|q$|u$|\(subquery|CONSTANT ROW)/.test(line));
  expect({ plan, scans }).toEqual({ plan, scans: [] });
}

async function planOf(sql: string): Promise<readonly string[]> {
  await using place = await temporaryCatalog();
  using db = new Database(place.path);
  migrate(db, 0);
  return db.all<{ readonly detail: string }>(`explain query plan ${sql}`).map((row) => row.detail);
}
