import { Argument, Command, CommanderError, Option } from 'commander';
import { enlargeThreadPool } from '../config/thread-pool.ts';
import { CatalogError } from '../catalog/errors.ts';
import { errorMessage, UsageError } from '../objects/errors.ts';
import { logLevels } from '../telemetry/log.ts';
import { version } from '../version.ts';
import type { ManifestFormat } from '../replication/manifest.ts';
import type { ManifestCommand } from './manifest.ts';
import type { Context, GlobalOptions } from './context.ts';
import { tolerateEarlyLeavers } from './early-leavers.ts';
import { exitStatus, exitStatusOf, type ExitStatus } from './exit-status.ts';
import { formatLines, formatWords } from './format.ts';
import { Interruption } from './interruption.ts';

/** Runs one command line. @returns the exit status; errors are said on stderr. */
export async function run(argv: readonly string[]): Promise<ExitStatus> {
  enlargeThreadPool();
  using interruption = new Interruption();
  tolerateEarlyLeavers();
  let status: ExitStatus = exitStatus.ok;
  const program = build(interruption.signal, (result) => void (status = result));
  try {
    await program.parseAsync([...argv]);
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
    // What the catalog could not record is said even then.
    if (interruption.signal.aborted && !(error instanceof CatalogError)) return exitStatus.interrupted;
    // The configuration's problems are a list; other words are one line, whoever's they are.
    const said = error instanceof UsageError ? formatLines(error.message) : formatWords(errorMessage(error));
    process.stderr.write(`holdfast: ${said}\n`);
    return exitStatusOf(error);
  }
}

type Settle = (status: ExitStatus) => void;

/** The command line. Each command's file is loaded only when that command runs. */
function build(signal: AbortSignal, settle: Settle): Command {
  const program = new Command('holdfast')
    .description('Keeps verified copies of user data at several independent storage providers.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(holdfast --help lists the commands)')
    .showSuggestionAfterError();
  addGlobals(program);
  const context = (command: Command): Context => ({ options: command.optsWithGlobals<GlobalOptions>(), signal });
  addLongRunning(program, context, settle);
  addRestore(program, context, settle);
  addDrill(program, context, settle);
  addRebuild(program, context, settle);
  addQuestions(program, context, settle);
  addConfig(program, context, settle);
  return program;
}

/** Before or after the command: each command takes them too. */
function addGlobals(command: Command): Command {
  const level = new Option('--log-level <level>', 'what to log on stderr').choices(logLevels);
  if (command.parent === null) level.default('info');
  return command
    .option('-c, --config <file>', 'configuration (HOLDFAST_CONFIG, config/holdfast.yaml)')
    .addOption(level);
}

type ContextOf = (command: Command) => Context;

function addLongRunning(program: Command, context: ContextOf, settle: Settle): void {
  addGlobals(program.command('daemon'))
    .description('detect, copy, verify, repair, serve; drains on SIGTERM')
    .action(async (_, command: Command) => {
      const { daemonCommand } = await import('./daemon.ts');
      settle(await daemonCommand(context(command)));
    });
  addGlobals(program.command('reconcile'))
    .description('one full pass now: compare source, catalog and every target; copy, verify, repair')
    .addArgument(new Argument('[policy]', 'default: all policies'))
    .option('--dry-run', 'only say what would be done')
    .option('--deep', 'read every copy back')
    .option('--prefix <prefix>', 'only keys that start with this')
    .option('--json', 'one JSON document on stdout')
    .action(async (policy: string | undefined, options: object, command: Command) => {
      const { reconcileCommand } = await import('./reconcile.ts');
      settle(await reconcileCommand(policy, options, context(command)));
    });
  addGlobals(program.command('verify'))
    .description('audit only, writes nothing at providers: every copy is compared with what it must be')
    .addArgument(new Argument('[policy]', 'default: all policies'))
    .option('--target <name...>', 'only at these places')
    .option('--deep', 'read every copy, and the source, from first byte to last')
    .option('--manifest <file>', 'compare with this manifest instead of the catalog, which is not needed then')
    .option('--sample <share>', 'read this share of the copies, chosen by chance, such as 5%')
    .option('--prefix <prefix>', 'only keys that start with this')
    .option('--json', 'one JSON document on stdout')
    .action(async (policy: string | undefined, options: object, command: Command) => {
      const { verifyCommand } = await import('./verify.ts');
      settle(await verifyCommand(policy, options, context(command)));
    });
}

function addRestore(program: Command, context: ContextOf, settle: Settle): void {
  addGlobals(program.command('restore'))
    .description('bring objects back, verified while they are written; works without catalog and source')
    .addArgument(new Argument('[policy]', 'default: the only one'))
    .option('--to <provider>', 'a configured provider; it may be the source')
    .option('--to-dir <path>', 'a directory')
    .option('--from <provider>', 'read from this target only; default: from whichever copies are good and cheapest')
    .option('--prefix <prefix>', 'only keys that start with this')
    .option('--at <time>', 'each object as it was then (ISO 8601), from what `history` kept')
    .option('--without-gone', 'leave out what is gone at the source')
    .option('--overwrite', 'replace what stands there and is different')
    .option('--dry-run', 'only say what would be done, from where, and how long it may take')
    .option('--json', 'one JSON document on stdout')
    .action(async (policy: string | undefined, options: object, command: Command) => {
      const { restoreCommand } = await import('./restore.ts');
      settle(await restoreCommand(policy, options, context(command)));
    });
}

function addDrill(program: Command, context: ContextOf, settle: Settle): void {
  addGlobals(program.command('drill'))
    .description('rehearse a restore from each target alone: objects chosen by chance, verified and thrown away')
    .addArgument(new Argument('[policy]', 'default: all policies'))
    .option('--target <name...>', 'only from these targets')
    .option('--json', 'one JSON document on stdout')
    .action(async (policy: string | undefined, options: object, command: Command) => {
      const { drillCommand } = await import('./drill.ts');
      settle(await drillCommand(policy, options, context(command)));
    });
}

function addRebuild(program: Command, context: ContextOf, settle: Settle): void {
  addGlobals(program.command('rebuild-catalog'))
    .description('make a lost or damaged catalog anew, from what the targets hold; copies nothing')
    .option('--deep', 'read every copy, so that the evidence is what was read')
    .option('--replace', 'also where a sound catalog stands, which is kept beside')
    .option('--no-snapshot', 'from the copies alone, not from a snapshot of the catalog at a target')
    .option('--json', 'one JSON document on stdout')
    .action(async (options: object, command: Command) => {
      const { rebuildCatalogCommand } = await import('./rebuild-catalog.ts');
      settle(await rebuildCatalogCommand(options, context(command)));
    });
}

function addQuestions(program: Command, context: ContextOf, settle: Settle): void {
  addGlobals(program.command('status'))
    .description('counts, lag, providers, holds; what is not in place and why')
    .addArgument(new Argument('[policy]', 'default: all policies'))
    .option('--json', 'one JSON document on stdout')
    .action(async (policy: string | undefined, options: object, command: Command) => {
      const { statusCommand } = await import('./status.ts');
      settle(await statusCommand(policy, options, context(command)));
    });
  addGlobals(program.command('inspect'))
    .description('one object: every copy, its evidence, its history')
    .argument('<policy>')
    .argument('<key>')
    .option('--json', 'one JSON document on stdout')
    .action(async (policy: string, key: string, options: object, command: Command) => {
      const { inspectCommand } = await import('./inspect.ts');
      settle(await inspectCommand(policy, key, options, context(command)));
    });
  addGlobals(program.command('whatif'))
    .description(
      'what would be lost if these providers vanished now, and what it would take to have enough copies again',
    )
    .requiredOption('--lose <provider...>', 'names, or what providers have in common, such as operator=aws')
    .option('--json', 'one JSON document on stdout')
    .action(async (options: { lose: string[] }, command: Command) => {
      const { whatIfCommand } = await import('./whatif.ts');
      settle(await whatIfCommand(options, context(command)));
    });
  addGlobals(program.command('probe'))
    .description('what a provider really supports and what its credentials really allow, tried on canaries')
    .addArgument(new Argument('[provider]', 'default: all providers'))
    .option('--write', 'write canaries also where the configuration only reads')
    .option('--json', 'one JSON document on stdout')
    .action(async (provider: string | undefined, options: object, command: Command) => {
      const { probeCommand } = await import('./probe.ts');
      settle(await probeCommand(provider, options, context(command)));
    });
  const formats: readonly ManifestFormat[] = ['tsv', 'sha256'];
  addGlobals(program.command('manifest'))
    .description('the sorted inventory of a policy, that coreutils can check; its Merkle root is said on stderr')
    .addArgument(new Argument('[policy]', 'needed where there are several'))
    .addOption(
      new Option('--format <format>', 'all fields, or lines for sha256sum --check').choices(formats).default('tsv'),
    )
    .option('--out <file>', 'write a new file instead of stdout')
    .action(async (policy: string | undefined, options: ManifestCommand, command: Command) => {
      const { manifestCommand } = await import('./manifest.ts');
      settle(await manifestCommand(policy, options, context(command)));
    });
  addDecision(program, 'release', 'the change that the guard holds back is right: let it through', context, settle);
  addDecision(
    program,
    'reject',
    'the change that the guard holds back is wrong: keep the copies as they are',
    context,
    settle,
  );
  addGlobals(program.command('health'))
    .description("ask the running daemon; the container's HEALTHCHECK")
    .action(async (_, command: Command) => {
      const { healthCommand } = await import('./health.ts');
      settle(await healthCommand(context(command)));
    });
}

function addDecision(
  program: Command,
  name: 'release' | 'reject',
  description: string,
  context: ContextOf,
  settle: Settle,
): void {
  addGlobals(program.command(name))
    .description(description)
    .argument('<policy>')
    .action(async (policy: string, _, command: Command) => {
      const { decideCommand } = await import('./decide.ts');
      settle(await decideCommand(name === 'release' ? 'released' : 'rejected', policy, context(command)));
    });
}

function addConfig(program: Command, context: ContextOf, settle: Settle): void {
  const config = program.command('config').description('check the configuration, or print its JSON Schema');
  addGlobals(config.command('check'))
    .description('validate the configuration and show it with all defaults')
    .action(async (_, command: Command) => {
      const { configCheckCommand } = await import('./config.ts');
      settle(configCheckCommand(context(command)));
    });
  config
    .command('schema')
    .description('print the JSON Schema')
    .action(async () => {
      const { configSchemaCommand } = await import('./config.ts');
      settle(configSchemaCommand());
    });
}
