import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { AgentError } from '../errors.js';
import { logLevels } from '../log.js';
import type { LogLevel } from '../log.js';
import { tmosBranches } from '../mock/tmos-version.js';
import type { Shell } from './completion.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { renderExamples } from './examples.js';
import { reportError } from './report-error.js';
import { failOnLevels } from './vet-flags.js';
import { version } from './version.js';

type Run<Flags> = (context: CliContext, flags: Flags & GlobalFlags, argument: string) => Promise<ExitCode>;

/**
 * Runs one command line.
 *
 * @param argv without the interpreter and the script
 * @param contextFor builds what the commands get, once the flags are known
 * @returns the process's exit code
 */
export async function runCli(
  argv: readonly string[],
  contextFor: (flags: Pick<GlobalFlags, 'output' | 'logLevel'>) => CliContext,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const action =
    <Flags>(load: () => Promise<Run<Flags>>) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const flags = command.optsWithGlobals<Flags & GlobalFlags>();
      const argument = typeof given[0] === 'string' ? given[0] : '';
      // SARIF is JSON: what goes wrong before there is a result is told in JSON, too.
      const output = (flags.output as string) === 'sarif' ? 'json' : flags.output;
      const context = contextFor({ ...flags, output });
      try {
        const run = await load();
        exitCode = await run(context, flags, argument);
      } catch (error) {
        exitCode = reportError(error, context);
      }
    };
  try {
    await buildProgram(action).parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (asksForJson(argv)) {
      const message = error.message.replace(/^error: /, '').split('\n', 1)[0] ?? '';
      const context = contextFor({ output: 'json', logLevel: 'warn' });
      reportError(new AgentError('MESH_ERR_USAGE', message, 'see bigip-mesh --help'), context);
    }
    return 3;
  }
  return exitCode;
}

/** Of a command line that the parser refuses, and has told of in words on stderr. */
function asksForJson(argv: readonly string[]): boolean {
  return /(^|\s)(-o[\s=]?|--output[\s=])(json|sarif)(\s|$)/.test(argv.join(' '));
}

/** Commands and flags as the parser knows them, for documentation; the commands do nothing. */
export function commandLine(): Command {
  return buildProgram(() => () => Promise.resolve());
}

type Action = <Flags>(load: () => Promise<Run<Flags>>) => (...given: unknown[]) => Promise<void>;

function buildProgram(action: Action): Command {
  const program = new Command('bigip-mesh')
    .description('Makes an F5 BIG-IP a member of an Istio mesh, without Envoy.')
    .version(version(), '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(see bigip-mesh --help)')
    .addHelpText('after', '\nSee docs/ for a tutorial. Start with: bigip-mesh demo');

  const command = (
    name: string,
    description: string,
    logLevel: LogLevel = 'warn',
    formats: readonly string[] = ['text', 'json'],
  ): Command => {
    const added = program
      .command(name)
      .description(description)
      .exitOverride()
      .addHelpText('after', renderExamples(name));
    return added
      .addOption(
        new Option('-o, --output <format>', 'how results are printed').choices(formats).default('text'),
      )
      .option('--kubeconfig <file>', 'kubeconfig to use (default: $KUBECONFIG, ~/.kube/config, in-cluster)')
      .option('--context <name>', 'context of the kubeconfig')
      .addOption(
        new Option('--log-level <level>', 'what is logged to stderr').choices(logLevels).default(logLevel),
      );
  };
  const withConfig = (added: Command): Command =>
    added.requiredOption('-f, --file <config>', 'the config file (docs/reference/config.md)');

  command('demo', 'run the reference scenario on loopback: no cluster and no BIG-IP needed').action(
    action(async () => (await import('./demo.js')).runDemoCommand),
  );
  withConfig(command('apply', 'certificates, device, registration and proof, once')).action(
    action(async () => (await import('./apply.js')).runApply),
  );
  withConfig(command('plan', 'what apply would do; nothing is written'))
    .option('--detailed-exitcode', 'exit with 2 when there is something to do')
    .option('--device', 'let the device check the changes (it makes none; files are uploaded and removed)')
    .action(action(async () => (await import('./plan.js')).runPlan));
  withConfig(command('status', 'what is served, who may call, what is wrong: a line for each service'))
    .argument('[service]', 'all about one service of the config file')
    .option('--namespace <name>', "where the controller keeps its status (default: the context's)")
    .action(action(async () => (await import('./status.js')).runStatus));
  withConfig(command('verify', 'prove on the wire who gets in and who does not'))
    .argument('<service>', 'a service of the config file')
    .option('--good-cert <file>', 'call as this caller, who should get in: PEM, with its chain')
    .option('--good-key <file>', 'its key')
    .option('--bad-cert <file>', 'and as this one, who should not')
    .option('--bad-key <file>', 'its key')
    .action(action(async () => (await import('./verify.js')).runVerify));
  withConfig(command('rotate', 'renew the certificate of a service, however young'))
    .argument('<service>', 'a service of the config file')
    .option('--now', 'also outside of maintenance windows, and while the wait after a failed proof lasts')
    .action(action(async () => (await import('./rotate.js')).runRotate));
  withConfig(command('deny', 'keep a caller out at once, with a single change; the ConfigMap follows later'))
    .argument('<service>', 'a service of the config file')
    .requiredOption('--caller <spiffe-id>', 'who is kept out')
    .action(action(async () => (await import('./deny.js')).runDeny));
  withConfig(command('register', 'only the mesh registration of a service'))
    .argument('<service>', 'a service of the config file')
    .action(action(async () => (await import('./register.js')).runRegister));
  withConfig(command('deregister', 'remove the mesh registration of a service'))
    .argument('<service>', 'a service of the config file')
    .action(action(async () => (await import('./deregister.js')).runDeregister));
  withConfig(
    command('vet', 'misconfigurations of mesh, cluster and device; nothing is written', 'error', [
      'text',
      'json',
      'sarif',
    ]),
  )
    .addOption(
      new Option('--fail-on <level>', 'exit with 1 from this level on; unknown: also when a check is unknown')
        .choices(failOnLevels)
        .default('error'),
    )
    .action(action(async () => (await import('./vet.js')).runVet));
  command('explain', 'who gets in, by which entry, or why not')
    .argument('[spiffe-id]', 'a caller by its ID')
    .option('--cert <path...>', 'callers by their certificates: files (PEM, DER) or folders of them')
    .option('--allowlist <file>', 'ConfigMaps, the data of one, or one entry a line')
    .option('--service <name>', "the service's allowlist in the cluster, instead of --allowlist; needs -f")
    .option('-f, --file <config>', 'the config file (docs/reference/config.md)')
    .addOption(
      new Option('--engine <engine>', 'the shipped iRule in tclsh, the TypeScript decision, or both')
        .choices(['rule', 'core', 'both'])
        .default('both'),
    )
    .option('--trust-domain <name...>', 'trust domains to accept (default: those of the allow entries)')
    .option('--trust-bundle <file>', 'roots of the mesh in PEM: check the chain, too')
    .action(action(async () => (await import('./explain.js')).runExplain));
  withConfig(command('controller', 'keep devices as they should be, until it is interrupted', 'info'))
    .option('--namespace <name>', 'for its Leases and its status (default: of the context, or of the pod)')
    .addOption(
      new Option('--http <host:port>', 'where to serve /healthz, /readyz and /metrics')
        .argParser(parseHostPort)
        .default({ host: '0.0.0.0', port: 8080 }, '0.0.0.0:8080'),
    )
    .addOption(
      new Option('--lease-duration <seconds>', 'how long a replica that is gone is waited for, 3 to 300')
        .argParser(parseLeaseDuration)
        .default(15_000, '15'),
    )
    .action(action(async () => (await import('./controller.js')).runController));
  withConfig(command('render', 'registration and permissions as YAML, for GitOps; nothing is written'))
    .option('--namespace <name>', "the agent's namespace", 'mesh-edge')
    .option('--service-account <name>', "the agent's account", 'bigip-mesh-agent')
    .addOption(
      new Option('--only <part...>', 'what to render (default: registration and rbac)').choices([
        'registration',
        'rbac',
        'device-user',
      ]),
    )
    .action(action(async () => (await import('./render.js')).runRender));
  command('mock', 'a mock BIG-IP to try things on: iControl REST and a TLS data plane')
    .requiredOption('--listen <host:port>', 'management address', parseHostPort)
    .requiredOption('--user <name:password>', 'who may log in', parseUser)
    .option('--data-plane <host>', 'where virtual servers listen, instead of at their own address')
    .addOption(
      new Option('--tmos-version <version>', 'which TMOS to behave like')
        .choices(tmosBranches)
        .default('17.1'),
    )
    .option('--ha <host:port>', 'management address of a second unit: the mock is then a pair', parseHostPort)
    .option('--state <dir>', 'keep what is saved there, for the next start')
    .option(
      '--control <host:port>',
      'plain HTTP for tests: faults, request history, log lines, reboot, fail-over, power',
      parseHostPort,
    )
    .option('--fault <fault>', 'inject one, such as latency,ms=100 (repeatable)', collect, [])
    .option('--seed <number>', 'of the generator that picks which requests a fault strikes', parseWhole)
    .option('--log-file <file>', 'write the data plane log (/var/log/ltm) there')
    .option('--certificate-file <file>', 'write the certificate of the management port there')
    .action(action(async () => (await import('./mock.js')).runMock));
  command('completion', 'a script that completes commands and flags in your shell')
    .addArgument(new Argument('<shell>', 'which').choices(['bash', 'zsh', 'fish']))
    .action(
      action(async () => {
        const { completedCommands, runCompletion } = await import('./completion.js');
        return (context, _flags, shell) => runCompletion(context, shell as Shell, completedCommands(program));
      }),
    );
  command('version', 'the version of this program').action(
    action(async () => (await import('./version.js')).runVersion),
  );
  return program;
}

function collect(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

function parseWhole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('give a whole number');
  return Number(text);
}

/** A Lease counts whole seconds; a shorter one would take a busy API server for a leader that is gone. */
function parseLeaseDuration(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 3 || seconds > 300) throw new InvalidArgumentError('give whole seconds from 3 to 300');
  return seconds * 1000;
}

/** `HOST:PORT`; port 0 lets the kernel choose. */
function parseHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('write it like 127.0.0.1:8443');
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}

function parseUser(text: string): { name: string; password: string } {
  const separator = text.indexOf(':');
  if (separator < 1) throw new InvalidArgumentError('write it like admin:secret');
  return { name: text.slice(0, separator), password: text.slice(separator + 1) };
}
