import { resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Prepared } from './context.ts';

/** What somebody who started the daemon for the first time wants to know: where to put files and where to look. */
export function welcome({ config, path }: Prepared, url: string): string {
  const lines = [`Holdfast is running with ${path}.`];
  for (const { name, source, targets, prefix } of config.policies) {
    lines.push(`  ${name}: ${placeOf(config, source)}${prefix === undefined ? '' : ` (keys below ${prefix})`}`);
    for (const target of targets) lines.push(`    → ${placeOf(config, target)}`);
  }
  const source = config.policies
    .map((policy) => config.providers[policy.source])
    .find((one) => one?.type === 'filesystem');
  if (source?.type === 'filesystem')
    lines.push(`Put files into ${resolve(source.path)}; they are copied as they come.`);
  lines.push(`Look at ${url}/health and ${url}/metrics, or run: holdfast status`);
  return lines.join('\n');
}

function placeOf({ providers }: Config, name: string): string {
  const settings = providers[name];
  switch (settings?.type) {
    case 'filesystem':
      return `${name} (${resolve(settings.path)})`;
    case 's3':
    case 'gcs':
      return `${name} (${settings.type} bucket ${settings.bucket})`;
    case 'azure':
      return `${name} (azure container ${settings.container})`;
    case undefined:
      return name;
  }
}
