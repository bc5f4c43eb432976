import { describeConfig } from '../config/describe.ts';
import { configJsonSchema } from '../config/jsonschema.ts';
import { prepare, print, printJson, warn, type Context } from './context.ts';
import { exitStatus, type ExitStatus } from './exit-status.ts';

/** `holdfast config check`: says whether the configuration is right, and what it comes to with all defaults. */
export function configCheckCommand(context: Context): ExitStatus {
  const { config, path, log, advice } = prepare(context);
  warn(log, advice);
  print(`${path}: ok`);
  print(describeConfig(config));
  return exitStatus.ok;
}

/** `holdfast config schema`: the JSON Schema, for editors. */
export function configSchemaCommand(): ExitStatus {
  printJson(configJsonSchema());
  return exitStatus.ok;
}
