import { openReplicator, prepare, print, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';

/** `holdfast release <policy>`: a person says that the change the guard holds back is right. */
export async function releaseCommand(policyName: string, context: Context): Promise<ExitStatus> {
  await using replicator = await openReplicator(prepare(context), { forget: false });
  const { catalog } = replicator.engine;
  for (const { name } of replicator.select(policyName)) {
    const { hold } = await catalog.readPolicy(name);
    if (hold === null) print(`${name}: nothing is held`);
    else {
      await catalog.updatePolicy(name, { hold: { ...hold, released: true } });
      print(`${name}: released; the next pass lets the change through (holdfast reconcile ${name}: now)`);
    }
  }
  return exitStatus.ok;
}
