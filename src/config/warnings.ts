import type { Finding } from './problems.ts';
import { isPrivate } from './places.ts';
import type { Config } from './schema.ts';
import { formatListen } from './address.ts';

/** What is allowed and perhaps not meant. */
export function warningsFor(config: Config): readonly Finding[] {
  return [...openListener(config), ...plainEndpoints(config)];
}

function openListener({ http }: Config): readonly Finding[] {
  if (http.listen.loopback || http.token !== undefined) return [];
  const message = `${formatListen(http.listen)} is reachable from other machines and there is no \`http.token\`: routes that change or reveal data will be refused`;
  return [{ path: ['http', 'listen'], message }];
}

function plainEndpoints({ providers }: Config): readonly Finding[] {
  return Object.entries(providers).flatMap(([name, settings]) => {
    if (!('endpoint' in settings) || settings.endpoint === undefined || isPrivate(settings.endpoint)) return [];
    const message =
      'http:// sends the data and the requests unencrypted over the network; use https:// where the server can';
    return [{ path: ['providers', name, 'endpoint'], message }];
  });
}
