import type { ConfigDocument } from './document.ts';
import type { Finding } from './problems.ts';

/** By the provider's name: which of its values could not be had. */
export type SetAside = ReadonlyMap<string, readonly Finding[]>;

export const nothingSetAside: SetAside = new Map();

/**
 * Takes out of the document what only somebody else needs: providers whose values cannot be had here, and the daemon's
 * own section likewise. Where no provider would be left, the document stays as it is, with all its problems.
 */
export function setAside(document: ConfigDocument): { readonly document: ConfigDocument; readonly lacking: SetAside } {
  const unresolved = document.findings.filter((finding) => finding.unresolved === true);
  const lacking = Map.groupBy(unresolved.filter(isOfProvider), ({ path }) => String(path[1]));
  const top = mappingOf(document.value);
  const providers = without(mappingOf(top['providers']), lacking);
  if (Object.keys(providers).length === 0) return { document, lacking: nothingSetAside };
  const dispensable = unresolved.filter((finding) => isOfProvider(finding) || isOfHttp(finding));
  const kept = { ...top, ...(lacking.size > 0 && { providers }) };
  const value = dispensable.some(isOfHttp) ? without(kept, new Map([['http', []]])) : kept;
  const findings = document.findings.filter((finding) => !dispensable.includes(finding));
  return { document: { ...document, value, findings }, lacking };
}

function isOfProvider({ path }: Finding): boolean {
  return path[0] === 'providers' && path.length > 1;
}

function isOfHttp({ path }: Finding): boolean {
  return path[0] === 'http';
}

function without(mapping: Readonly<Record<string, unknown>>, names: SetAside): Record<string, unknown> {
  return Object.fromEntries(Object.entries(mapping).filter(([name]) => !names.has(name)));
}

function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
