/** What a shared access signature grants, read from the token itself (learn.microsoft.com/rest/api/storageservices/create-account-sas, …/create-service-sas). */
export interface SasGrant {
  /** Letters of `sp`. */
  readonly permissions: string;
  /** `account`: signed for whole services; `service`: for one container or blob. */
  readonly scope: 'account' | 'service';
  /** Resource types of an account SAS: `s`ervice, `c`ontainer, `o`bject. */
  readonly resourceTypes: string;
  /** Signed services of an account SAS: `b`lob, `f`ile, `q`ueue, `t`able. */
  readonly services: string;
  /** `se`; absent where a stored access policy says it. */
  readonly expires?: string;
}

/** Undefined for what is no SAS that says what it grants (with a stored access policy, the policy does). */
export function parseSas(token: string): SasGrant | undefined {
  const fields = new URLSearchParams(token.replace(/^\?/, ''));
  const permissions = fields.get('sp');
  if (permissions === null) return undefined;
  const services = fields.get('ss') ?? '';
  const expires = fields.get('se');
  return {
    ...{ permissions, services, scope: services === '' ? 'service' : 'account' },
    resourceTypes: fields.get('srt') ?? '',
    ...(expires !== null && { expires }),
  };
}
