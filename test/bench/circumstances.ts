import { cpus } from 'node:os';
import { howToInstall } from '../support/servers.ts';

/** The day, the machine and the servers. */
export function circumstances(): string {
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`;
  const servers = (['versitygw', 'fake-gcs-server'] as const).map(
    (name) => `${name} ${/[^@]+$/.exec(howToInstall(name))?.[0]}`,
  );
  return `${day}, ${machine}, Node ${process.versions.node}, ${servers.join(', ')}, Azurite`;
}
