import type { AzureOptions } from './options.ts';
import { parseSas, type SasGrant } from './sas.ts';

/** How the container is reached, without the secret. */
export type AzureCredentials =
  | { readonly kind: 'account-key' }
  | { readonly kind: 'sas'; readonly grant: SasGrant | undefined }
  /** Of an identity, only the roles it was given say what it may do. */
  | { readonly kind: 'identity' };

export function credentialsOf(options: AzureOptions): AzureCredentials {
  const { connectionString, accountKey, sasToken } = options;
  if (connectionString !== undefined) return fromConnectionString(connectionString);
  if (accountKey !== undefined) return { kind: 'account-key' };
  return sasToken === undefined ? { kind: 'identity' } : { kind: 'sas', grant: parseSas(sasToken) };
}

/** An account key where there is one: the SDK takes it before a signature. */
function fromConnectionString(text: string): AzureCredentials {
  const sas = /(?:^|;)\s*SharedAccessSignature=([^;]+)/i.exec(text)?.[1];
  const hasKey = /(?:^|;)\s*(?:AccountKey=|UseDevelopmentStorage=true)/i.test(text);
  return sas === undefined || hasKey ? { kind: 'account-key' } : { kind: 'sas', grant: parseSas(sas) };
}
