import { reservedPrefix } from '../objects/key.ts';
import type { ProviderSettings } from './open.ts';
import type { ProviderRole } from './provider.ts';

/**
 * Where Holdfast deletes whatever a policy says: old snapshots of the catalog, versions kept by a `history` whose time is over,
 * canaries. Not all of `.holdfast/`: users' objects with odd keys are there too, and what large copies say of themselves.
 */
export const ownFolders: readonly string[] = ['catalog/', 'history/', 'probe/'].map((name) => reservedPrefix + name);

/** What a provider is used for. */
export interface Usage {
  readonly role: ProviderRole;
  /** Some policy deletes copies there. In `ownFolders` it deletes in any case. */
  readonly deletes: boolean;
  /** Some policy reads what the bucket's own versioning keeps. */
  readonly history: boolean;
}

/** The least that credentials must allow. */
export interface Privileges {
  /** In the form the provider takes; what Holdfast cannot know is in angle brackets. */
  readonly document: object;
  /** What to do with it. */
  readonly notes: readonly string[];
}

const restoring =
  '`holdfast restore --to` this provider writes to it, which these rights do not allow: for a restore, give Holdfast those of a target.';

export async function privilegesOf(settings: ProviderSettings, usage: Usage): Promise<Privileges> {
  const { document, notes } = await documentOf(settings, usage);
  return { document, notes: usage.role === 'source' ? [...notes, restoring] : notes };
}

async function documentOf(settings: ProviderSettings, usage: Usage): Promise<Privileges> {
  switch (settings.type) {
    case 's3':
      return (await import('./s3/privileges.ts')).s3Privileges(settings, usage);
    case 'gcs':
      return (await import('./gcs/privileges.ts')).gcsPrivileges(settings, usage);
    case 'azure':
      return (await import('./azure/privileges.ts')).azurePrivileges(settings, usage);
    case 'filesystem':
      return (await import('./filesystem/privileges.ts')).filesystemPrivileges(settings, usage);
  }
}
