import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorMessage, UsageError } from '../objects/errors.ts';
import { Manifest, type ManifestFormat } from '../replication/manifest.ts';
import { openReplicator, prepare, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';

export interface ManifestCommand {
  readonly format: ManifestFormat;
  readonly out?: string;
}

/** `holdfast manifest [policy]`: the inventory as the catalog has it now. */
export async function manifestCommand(
  policyName: string | undefined,
  { format, out }: ManifestCommand,
  context: Context,
): Promise<ExitStatus> {
  await using replicator = await openReplicator(prepare(context), { forget: false });
  const [policy, another] = replicator.select(policyName);
  if (policy === undefined || another !== undefined) throw new UsageError('say of which policy the manifest shall be');
  const manifest = new Manifest(replicator.engine.catalog, policy.name);
  const pieces = Readable.from(manifest.write(format));
  if (out === undefined) await pipeline(pieces, process.stdout, { end: false });
  else await writeTo(out, pieces);
  if (format === 'tsv') process.stderr.write(`${describe(policy.name, manifest)}\n`);
  return exitStatus.ok;
}

async function writeTo(out: string, pieces: Readable): Promise<void> {
  const to = createWriteStream(out, { flags: 'wx' });
  try {
    await pipeline(pieces, to);
  } catch (error) {
    if (to.errored === null) throw error;
    throw new UsageError(`--out: ${errorMessage(error)}`, { cause: error });
  }
}

function describe(policy: string, { totals }: Manifest): string {
  const { objects, bytes, unknown, merkleRoot } = totals;
  return `${policy}: ${objects} objects, ${bytes} bytes, ${unknown} not read yet, Merkle root ${merkleRoot}`;
}
