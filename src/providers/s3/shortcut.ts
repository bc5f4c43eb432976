import type { S3Client } from '@aws-sdk/client-s3';
import { bytesOf } from '../http-answers.ts';

interface Request {
  readonly method: string;
  readonly hostname: string;
  readonly port?: number;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

interface Response {
  statusCode: number;
  readonly headers: Record<string, string>;
  body: AsyncIterable<Uint8Array> | Uint8Array;
}

/** What the SDK's endpoint rules made of the configuration, and how to sign there. */
export interface FoundEndpoint {
  readonly url: URL;
  readonly properties?: { readonly authSchemes?: readonly Scheme[] };
}

interface Scheme {
  readonly name: string;
  readonly signingRegion?: unknown;
  readonly signingName?: unknown;
}

interface Operation {
  readonly namespace: string;
  readonly name: string;
  readonly traits: unknown;
  readonly input: unknown;
  readonly output: unknown;
}

interface Signer {
  sign(
    request: Request,
    options: { readonly signingDate: Date; readonly signingRegion: string; readonly signingService: string },
  ): Promise<Request>;
}

/** The client's resolved configuration, as far as it is used here: the SDK's own types are unions that cannot be called. */
interface Config {
  readonly protocol: {
    serializeRequest(operation: Operation, input: object, context: object): Promise<Request>;
    deserializeResponse(operation: Operation, context: object, response: Response): Promise<unknown>;
  };
  readonly requestHandler: {
    handle(request: Request, options: { readonly abortSignal: AbortSignal }): Promise<{ readonly response: Response }>;
  };
  /** Milliseconds by which the server's clock is ahead, as the middleware found. */
  readonly systemClockOffset: number;
  signer(scheme: Scheme): Promise<Signer>;
}

/** An SDK command. Its schema is `[kind, namespace, name, traits, input, output]`. */
export interface Command {
  readonly input: object;
  readonly schema?: unknown;
}

interface Route {
  /** What serializer and deserializer are given besides. */
  readonly context: object;
  readonly signer: Signer;
  readonly signingRegion: string;
  readonly signingService: string;
}

/**
 * Sends commands by the SDK's own serializer, signer, HTTP handler and deserializer, past its middleware, which costs
 * more than the rest together (measured on Node 24.21: 0.6 ms of CPU for a PutObject of 4 KiB instead of 1.6).
 *
 * What the middleware finds out, where to send and how to sign, is taken from a command that went the ordinary way and
 * succeeded. Without it, and where something other than plain SigV4 is asked for, commands go the ordinary way; so does
 * what follows a refusal, because only the middleware sets a wrong clock right.
 */
export class Shortcut {
  readonly #config: Config;
  /** By their schemas. The serializer keeps with each what it makes of it. */
  readonly #operations = new Map<unknown, Operation>();
  #route: Route | undefined;

  constructor(client: S3Client) {
    this.#config = client.config as unknown as Config;
  }

  /** Called with the endpoint of a command on the bucket's objects that succeeded. */
  async learn(endpoint: FoundEndpoint): Promise<void> {
    const scheme = endpoint.properties?.authSchemes?.[0];
    if (this.#route !== undefined || scheme?.name !== 'sigv4') return;
    const { signingRegion, signingName } = scheme;
    if (typeof signingRegion !== 'string' || typeof signingName !== 'string') return;
    const signer = await this.#config.signer(scheme);
    const context = { ...this.#config, endpoint: async () => await Promise.resolve(endpoint) };
    this.#route = { context, signer, signingRegion, signingService: signingName };
  }

  get isKnown(): boolean {
    return this.#route !== undefined;
  }

  /** @throws what the SDK throws for the same answer. */
  async send(
    { input, schema }: Command,
    headers: Readonly<Record<string, string>>,
    options: { readonly abortSignal: AbortSignal },
  ): Promise<unknown> {
    const route = this.#route;
    if (route === undefined) throw new Error('no way is known yet');
    const { protocol, requestHandler } = this.#config;
    const operation = this.#operationOf(schema);
    const request = await protocol.serializeRequest(operation, input, route.context);
    Object.assign(request.headers, ownHeaders(request), headers);
    const signed = await this.#sign(request, route);
    const { response } = await requestHandler.handle(signed, options);
    await amend(request, response);
    try {
      return await protocol.deserializeResponse(operation, route.context, response);
    } catch (error) {
      if (response.statusCode >= 400 && response.statusCode <= 403) this.#route = undefined;
      throw withResponse(error, response);
    }
  }

  #operationOf(schema: unknown): Operation {
    const known = this.#operations.get(schema);
    if (known !== undefined) return known;
    const [, namespace, name, traits, input, output] = schema as [number, string, string, unknown, unknown, unknown];
    const operation = { namespace, name, traits, input, output };
    this.#operations.set(schema, operation);
    return operation;
  }

  async #sign(request: Request, { signer, signingRegion, signingService }: Route): Promise<Request> {
    const signingDate = new Date(Date.now() + this.#config.systemClockOffset);
    return await signer.sign(request, { signingDate, signingRegion, signingService });
  }
}

/** What the middleware adds. */
function ownHeaders({ hostname, port, body }: Request): Record<string, string> {
  return {
    host: port === undefined ? hostname : `${hostname}:${port}`,
    ...(Buffer.isBuffer(body) ? { 'content-length': String(body.length) } : {}),
  };
}

/** What the middleware does to answers before they are read. */
async function amend({ method }: Request, response: Response): Promise<void> {
  // Nobody reads it, and a date that is none would fail the whole answer.
  delete response.headers['expires'];
  if (method !== 'PUT' || response.headers['content-length'] === '0') return;
  const body = await bytesOf(response.body);
  response.body = body;
  // S3 may find out that it failed after it has said 200.
  if (response.statusCode === 200 && body.includes('<Error')) response.statusCode = 500;
}

/** As the middleware leaves it for whoever translates the error. */
function withResponse(error: unknown, response: Response): unknown {
  if (!(error instanceof Error)) return error;
  Object.defineProperty(error, '$response', { value: response, enumerable: false });
  if (!('$metadata' in error)) Object.assign(error, { $metadata: { httpStatusCode: response.statusCode } });
  return error;
}
