import type { Storage } from '@google-cloud/storage';

export interface CredentialOptions {
  readonly projectId?: string;
  /** Path of a service account's JSON key, or of a credential configuration. Default: the application default credentials. */
  readonly keyFile?: string;
}

/** Headers that authenticate one request. The SDK caches the token and renews it before it expires. */
export type Authorize = () => Promise<Readonly<Record<string, string>>>;

/** The credentials could not be found, read or exchanged for a token. Its message holds no secret. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
  /** Whether the same may work later: the token server was out of reach. */
  readonly passing: boolean;

  constructor(message: string, passing: boolean) {
    super(message);
    this.passing = passing;
  }
}

/** An emulator speaks plain http and asks for no credentials; none are ever sent over plain http. */
export const anonymous: Authorize = () => Promise.resolve({});

export function authorizeWith(options: CredentialOptions): Authorize {
  let storage: Promise<Storage> | undefined;
  return async () => {
    try {
      storage ??= openStorage(options);
      const { authClient } = await storage;
      return Object.fromEntries(await authClient.getRequestHeaders());
    } catch (error) {
      throw explain(error, options);
    }
  };
}

async function openStorage({ projectId, keyFile }: CredentialOptions): Promise<Storage> {
  const { Storage: Sdk } = await import('@google-cloud/storage');
  return new Sdk({
    ...(projectId === undefined ? {} : { projectId }),
    // Deprecated because the SDK then takes any kind of credentials: the operator's own file may hold any kind.
    // oxlint-disable-next-line typescript/no-deprecated
    ...(keyFile === undefined ? {} : { keyFilename: keyFile }),
    // Retrying is the business of a decorator.
    retryOptions: { autoRetry: false, maxRetries: 0 },
  });
}

/** The original error is left behind: it holds the request for the token, signed assertion included. */
function explain(error: unknown, { keyFile }: CredentialOptions): CredentialsError {
  const { message = '', code, status } = error as { message?: string; code?: unknown; status?: unknown };
  const from = keyFile === undefined ? 'the application default credentials' : `the key file ${keyFile}`;
  return new CredentialsError(`cannot use ${from}: ${message.slice(0, 300)}`, isPassing(code, status));
}

const networkCodes = /^(ECONN|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|ENETUNREACH|EHOSTUNREACH|UND_ERR|TimeoutError)/;

function isPassing(code: unknown, status: unknown): boolean {
  if (typeof status === 'number') return status >= 500 || status === 429;
  return typeof code === 'string' && networkCodes.test(code);
}
