import { reservedPrefix, type Key } from '../objects/key.ts';

/** Where catalogs are kept at targets. Below it each catalog has a folder by its identity, and each snapshot one by its time. */
export const catalogPrefix: Key = `${reservedPrefix}catalog/`;

/** The compressed catalog. */
export const catalogFile = 'catalog.db.gz';

/** Written last: where it stands, the snapshot is whole. In the form of `sha256sum`. */
export const sumsFile = 'SHA256SUMS';

/** One snapshot at a target. */
export interface SnapshotName {
  /** Whose: `SnapshotLedger.identity`. */
  readonly catalog: string;
  /** Milliseconds since the epoch. */
  readonly takenAt: number;
}

/** The folder of one snapshot, ends in `/`. Folders of one catalog sort by time. */
export function snapshotPrefix({ catalog, takenAt }: SnapshotName): Key {
  return `${catalogPrefix}${catalog}/${new Date(takenAt).toISOString().replaceAll(/[-:]/g, '')}/`;
}

const form = /^\.holdfast\/catalog\/([0-9a-f]+)\/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3}Z)\/([^/]+)$/;

/** Undefined for a key that belongs to no snapshot. */
export function parseSnapshotKey(key: Key): (SnapshotName & { readonly file: string }) | undefined {
  const [, catalog = '', year, month, day, hour, minute, second, file = ''] = form.exec(key) ?? [];
  const takenAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}`);
  return Number.isNaN(takenAt) ? undefined : { catalog, takenAt, file };
}
