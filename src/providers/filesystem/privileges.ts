import { join, resolve } from 'node:path';
import type { Privileges, Usage } from '../privileges.ts';

export interface FilesystemPlace {
  readonly path: string;
  readonly prefix?: string;
}

/** Owner and modes: a directory has no policy document. */
export function filesystemPrivileges({ path, prefix = '' }: FilesystemPlace, { role }: Usage): Privileges {
  const directory = resolve(join(path, prefix));
  if (role === 'source') {
    return {
      document: {
        path: directory,
        owner: '<owner of the data>',
        group: 'holdfast',
        mode: 'u=rwX,g=rX,o=',
        mount: 'ro',
      },
      notes: [
        'Run Holdfast as a user of its own who may read and search the directory and write nothing; a read-only bind mount makes sure of it.',
      ],
    };
  }
  return {
    document: { path: directory, owner: 'holdfast', group: 'holdfast', mode: 'u=rwX,g=rX,o=' },
    notes: [
      'Run Holdfast as a user of its own, who owns the directory and nothing above it; leave the mount point itself unwritable while nothing is mounted.',
      'Whoever becomes this user can delete every copy: a filesystem has no right to write without the right to delete. So that a break-in cannot destroy copies, take read-only snapshots (ZFS, Btrfs, LVM, the storage below) as another user, or keep a further copy at a provider with retention.',
    ],
  };
}
