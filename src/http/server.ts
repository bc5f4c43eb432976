import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Hold } from '../catalog/holds.ts';
import { errorMessage } from '../objects/errors.ts';
import type { PageRequest, ProblemPage } from '../replication/problem-page.ts';
import { openOf } from '../replication/reasons.ts';
import type { DrillStatus } from '../replication/status-drills.ts';
import type { ProviderStatus, Status } from '../replication/status.ts';
import { refusal, type Access } from './token.ts';

/** What the server shows and may set off; the daemon provides it. */
export interface Served {
  status(): Promise<Status>;
  /** @throws when it cannot do its work; the message says why. */
  ready(): Promise<void>;
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Copies that are not verified. @returns undefined when there is no policy of that name. */
  problems(policy: string, page: PageRequest): Promise<ProblemPage | undefined>;
  /** Has a policy, or all, looked at now. @returns the policies' names, or undefined when there is none of that name. */
  reconcileSoon(policy: string | undefined): readonly string[] | undefined;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
}

export interface RunningServer extends AsyncDisposable {
  /** Where it listens, with the port that the system chose. */
  readonly url: string;
}

/** Health, metrics and API. What reveals only that the process lives and how it fares needs no token. */
export async function startServer(served: Served, access: Access, listen: ListenOptions): Promise<RunningServer> {
  const server = fastify({ logger: false, forceCloseConnections: true });
  addOpenRoutes(server, served);
  addApi(server, served, access);
  const url = await server.listen({ host: listen.host, port: listen.port });
  return { url, [Symbol.asyncDispose]: async () => await server.close() };
}

function addOpenRoutes(server: FastifyInstance, served: Served): void {
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', async (_, reply) => await answerReady(served, reply));
  server.get('/health', async (_, reply) => {
    const status = await served.status();
    return await reply.code(status.status === 'failing' ? 503 : 200).send(withoutKeys(status));
  });
  server.get('/metrics', async (_, reply) => {
    const { contentType, body } = await served.metrics();
    return await reply.type(contentType).send(body);
  });
}

async function answerReady(served: Served, reply: FastifyReply): Promise<FastifyReply> {
  try {
    await served.ready();
    return await reply.send({ status: 'ready' });
  } catch (error) {
    return await reply.code(503).send({ status: 'not ready', message: errorMessage(error) });
  }
}

function addApi(server: FastifyInstance, served: Served, access: Access): void {
  const guarded = {
    preHandler: async (request: FastifyRequest, reply: FastifyReply) => await guard(access, request, reply),
  };
  server.get('/api/v1/status', guarded, async () => await served.status());
  server.get<{ Querystring: ProblemQuery }>('/api/v1/problems', guarded, async (request, reply) => {
    const limit = Number(request.query.limit ?? 100);
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
      return await reply.code(400).send({ message: 'limit is a whole number from 1 to 1000' });
    const { policy = '', prefix, after } = request.query;
    const range = { ...(prefix !== undefined && { prefix }), ...(after !== undefined && { after }) };
    const page = await served.problems(policy, { ...range, limit });
    if (page !== undefined) return await reply.send(page);
    return await reply.code(404).send(unknownPolicy(policy));
  });
  server.post<{ Querystring: { policy?: string } }>('/api/v1/reconcile', guarded, async (request, reply) => {
    const { policy } = request.query;
    const policies = served.reconcileSoon(policy);
    if (policies !== undefined) return await reply.code(202).send({ policies });
    return await reply.code(404).send(unknownPolicy(policy ?? ''));
  });
}

interface ProblemQuery {
  readonly policy?: string;
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: string;
}

function unknownPolicy(name: string): { message: string } {
  return { message: `there is no policy "${name}" in the configuration` };
}

async function guard(access: Access, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { authorization, host, origin } = request.headers;
  const refused = refusal(access, { authorization, host, origin });
  if (refused === undefined) return;
  if (refused.status === 401) reply.header('www-authenticate', 'Bearer');
  await reply.code(refused.status).send({ message: refused.message });
}

/** Keys are user data, and `/health` asks for no token. */
function withoutKeys(status: Status): Status {
  const policies = status.policies.map((policy) => ({
    ...policy,
    hold: policy.hold === null ? null : keylessHold(policy.hold),
    decisions: policy.decisions.map((entry) => ({ ...entry, hold: keylessHold(entry.hold) })),
    lastPass: policy.lastPass === null ? null : { ...policy.lastPass, reasons: openOf(policy.lastPass) },
    drills: Object.fromEntries(Object.entries(policy.drills).map(([target, drill]) => [target, keyless(drill)])),
  }));
  const snapshots = status.snapshots.map((snapshot) => ({ ...snapshot, error: snapshot.error && 'failed' }));
  return { ...status, policies, providers: status.providers.map(messageless), snapshots };
}

function keylessHold(hold: Hold): Hold {
  return { ...hold, reasons: openOf(hold), sample: [] };
}

function messageless({ lastError, ...provider }: ProviderStatus): ProviderStatus {
  return { ...provider, lastError: lastError === null ? null : (provider.code ?? 'unknown') };
}

/** What errors say names keys too. */
function keyless(drill: DrillStatus): DrillStatus {
  return { ...drill, firstFailure: null, obstacle: null };
}
