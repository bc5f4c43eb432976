import { errorMessage } from '../objects/errors.ts';
import type { Status } from '../replication/status.ts';
import { prepare, print, say, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';
import { formatWords } from './format.ts';

const answerWithin = 10_000;

/** `holdfast health`: asks the running daemon; the container's HEALTHCHECK. 0: ok or degraded, 1: failing or not there. */
export async function healthCommand(context: Context): Promise<ExitStatus> {
  const { config } = prepare(context);
  const { host, port } = config.http.listen;
  const url = `http://${reachable(host)}:${port}/health`;
  try {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(answerWithin)]);
    const response = await fetch(url, { signal });
    const { status, reasons } = (await response.json()) as Pick<Status, 'status' | 'reasons'>;
    print([status, ...reasons.map((reason) => `  - ${formatWords(reason)}`)].join('\n'));
    return response.ok ? exitStatus.ok : exitStatus.incomplete;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    say(`holdfast: no daemon answers at ${url}: ${errorMessage(error)}${cause}`);
    return exitStatus.incomplete;
  }
}

/** An address that means "all" is reached over loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
