import { stringify } from 'yaml';
import { z } from 'zod';
import { configSchema } from './schema.ts';
import type { Config } from './schema.ts';

/** The effective configuration as YAML: with every default, units as people write them, and `(hidden)` for secrets. */
export function describeConfig(config: Config): string {
  return stringify(z.encode(configSchema, thaw(config)));
}

/** The schema's own type is not readonly; it is not changed all the same. */
function thaw(config: Config): z.output<typeof configSchema> {
  return config as z.output<typeof configSchema>;
}
