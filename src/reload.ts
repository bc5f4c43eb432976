import { differences } from './config/differences.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import type { LiveLimits } from './live-limits.ts';
import { errorMessage } from './objects/errors.ts';
import type { Log } from './telemetry/log.ts';

export interface ReloadOptions {
  /** What the process was started with. */
  readonly config: Config;
  /** Reads the file again. @throws ConfigError */
  readonly read: () => LoadedConfig;
  readonly limits: Pick<LiveLimits, 'change'>;
  readonly log: Log;
}

/** Takes a changed configuration over while the process runs, as far as that can be; says what it could not. */
export class Reload {
  readonly #options: ReloadOptions;
  /** Whose limits are in force. */
  #inForce: Config;
  #trouble: string | undefined;

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#inForce = options.config;
  }

  /** Why the file as it is now is not used; undefined when it is. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  now(): void {
    const { config, limits, log, read } = this.#options;
    let loaded: LoadedConfig;
    try {
      loaded = read();
    } catch (error) {
      this.#trouble = `the configuration cannot be read again and stays as it was: ${errorMessage(error)}`;
      log.error({}, this.#trouble);
      return;
    }
    this.#trouble = undefined;
    for (const { path, message } of loaded.warnings) log.warn({ path }, `configuration: ${path}: ${message}`);
    const { live } = differences(this.#inForce, loaded.config);
    const { restart } = differences(config, loaded.config);
    limits.change(loaded.config);
    this.#inForce = loaded.config;
    log.info(
      { changed: live },
      `configuration read again: ${live.length === 0 ? 'no limit changed' : live.join(', ')}`,
    );
    if (restart.length > 0) {
      log.warn({ needRestart: restart }, `these changes need a restart to take effect: ${restart.join(', ')}`);
    }
  }
}
