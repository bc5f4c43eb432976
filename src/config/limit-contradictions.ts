import type { Pieces } from './pieces.ts';
import type { Finding } from './problems.ts';
import type { ProviderSettings } from './provider-schema.ts';
import { formatDuration, formatRate } from './units.ts';

/** Milliseconds; what `timeouts.call` is when it is not given. */
const usualCall = 60_000;

/** Limits of a provider that could never take effect. */
export function limitContradictions({ providers, limits }: Pieces): readonly Finding[] {
  return [...providers].flatMap(([name, settings]) =>
    settings === undefined ? [] : [...aboveAll(name, settings, limits?.bandwidth), ...connectAboveCall(name, settings)],
  );
}

function aboveAll(name: string, { limits }: ProviderSettings, all: number | undefined): readonly Finding[] {
  const own = limits?.bandwidth;
  if (own === undefined || all === undefined || own <= all) return [];
  const message = `found ${formatRate(own)}; expected at most \`limits.bandwidth\` (${formatRate(all)}), which all providers share`;
  return [{ path: ['providers', name, 'limits', 'bandwidth'], message }];
}

function connectAboveCall(name: string, { timeouts = {} }: ProviderSettings): readonly Finding[] {
  if (!('connect' in timeouts) || timeouts.connect === undefined) return [];
  const { connect, call = usualCall } = timeouts;
  if (connect <= call) return [];
  const message = `found ${formatDuration(connect)}; expected at most \`timeouts.call\` (${formatDuration(call)}), which a request may take in all`;
  return [{ path: ['providers', name, 'timeouts', 'connect'], message }];
}
