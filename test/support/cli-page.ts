import type { Argument, Command, Option } from 'commander';
import { commandLine } from '../../src/cli/program.js';

/** Pages that say more of a command. */
const more: Readonly<Record<string, string>> = {
  apply: '[Why it proves before it says yes](../adr/0009-proof-before-success.md).',
  controller:
    '[controller.md](controller.md): when it reconciles, what it sets aside, its status, metrics, health.',
  deny: '[Why it goes past the plan](../adr/0010-deny-at-once.md).',
  deregister: '[registration.md](registration.md).',
  explain: '[explain.md](explain.md): engines, reasons, what it does not look at.',
  mock: '[mock.md](mock.md): its control port, and what it does and does not do.',
  register: '[registration.md](registration.md).',
  rotate: '[rotation.md](../explanation/rotation.md): the steps, and what happens when the proof fails.',
  vet: '[vet.md](vet.md): every code, its reason and its mend.',
};

const environment: ReadonlyArray<readonly [name: string, meaning: string]> = [
  [
    'KUBECONFIG',
    'the kubeconfig, where `--kubeconfig` does not say one; without both `~/.kube/config`, then the service account of the pod',
  ],
  ['NO_COLOR', 'no colours; without it there are some on a terminal, and none elsewhere'],
  [
    'PATH',
    '`tclsh` is looked for there, by `demo`, `mock` and `explain`; and programs that a kubeconfig names for logging in',
  ],
];

const exitCodes: ReadonlyArray<readonly [code: number, meaning: string]> = [
  [0, 'done; for `verify`, `status` and `vet`: and all is well'],
  [1, 'failed, refused, or not well; the error says which'],
  [2, 'there are changes: `plan --detailed-exitcode` alone'],
  [3, 'wrong usage, config file, kubeconfig or allowlist; nothing was tried'],
];

/** docs/reference/cli.md, from the parser itself. */
export function renderCliPage(): string {
  const program = commandLine();
  const shared = sharedFlags(program.commands);
  return [
    '# The command line',
    '',
    '`bigip-mesh COMMAND --help` says the same for one command, with examples. Results go to stdout; progress, logs and',
    'errors to stderr. With `--output json` results and errors are JSON on stdout, of [a shape that is written down](json.md). Written by',
    '`npm run docs`.',
    '',
    '| command | what it does |',
    '|---|---|',
    ...program.commands.map(
      (command) => `| [\`${command.name()}\`](#bigip-mesh-${command.name()}) | ${command.description()} |`,
    ),
    '',
    '## Exit codes',
    '',
    '| code | meaning |',
    '|---|---|',
    ...exitCodes.map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
    'Ctrl-C and SIGTERM end a command in good order: a commit under way ends and is saved, and the error',
    '`MESH_ERR_INTERRUPTED` says what is so. `controller` and `mock` end with 0.',
    '',
    '## Environment',
    '',
    '| variable | meaning |',
    '|---|---|',
    ...environment.map(([name, meaning]) => `| \`${name}\` | ${meaning} |`),
    '',
    '## Flags of every command',
    '',
    ...flagTable(shared),
    '',
    'The levels of logs are `info` by default for `controller`, `error` for `vet`, and `warn` for the others.',
    '',
    ...program.commands.flatMap((command) => section(command, shared)),
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}

/** Flags by which every command can be told the same. */
function sharedFlags(commands: readonly Command[]): Option[] {
  const [first, ...others] = commands;
  return (first?.options ?? []).filter(({ flags, description }) =>
    others.every(({ options }) =>
      options.some((option) => option.flags === flags && option.description === description),
    ),
  );
}

function section(command: Command, shared: readonly Option[]): string[] {
  const name = command.name();
  const own = command.options.filter(({ flags }) => !shared.some((option) => option.flags === flags));
  const words = [
    ...command.registeredArguments.map((argument) => placeholder(argument)),
    ...own.filter(({ mandatory }) => mandatory).map((option) => spelling(option)),
  ];
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const formats = command.options.find(({ long }) => long === '--output')?.argChoices ?? [];
  return [
    `## bigip-mesh ${name}`,
    '',
    `\`${['bigip-mesh', name, ...words].join(' ')}\`: ${command.description()}.`,
    '',
    ...command.registeredArguments.map(
      (argument) =>
        `- \`${placeholder(argument)}\`: ${argument.description}${choices.length === 0 ? '' : `: ${listed(choices)}`}`,
    ),
    ...(command.registeredArguments.length === 0 ? [] : ['']),
    ...(own.length === 0 ? [] : [...flagTable(own), '']),
    ...(formats.length > 2 ? [`\`--output\` takes ${listed(formats)}.`, ''] : []),
    ...(more[name] === undefined ? [] : [`More: ${more[name]}`, '']),
  ];
}

/** `-f CONFIG` */
function spelling({ short, long, flags }: Option): string {
  const value = /<(.+)>/.exec(flags)?.[1] ?? '';
  return `${short ?? long ?? ''} ${value.toUpperCase()}`;
}

function flagTable(options: readonly Option[]): string[] {
  return [
    '| flag | default | meaning |',
    '|---|---|---|',
    ...options.map((option) => {
      const { flags, description, argChoices, mandatory } = option;
      const values = argChoices === undefined ? '' : `: ${listed(argChoices)}`;
      return `| \`${flags.replaceAll('|', '\\|')}\` | ${mandatory ? 'required' : defaultOf(option)} | ${description}${values} |`;
    }),
  ];
}

function defaultOf({ defaultValue, defaultValueDescription, long }: Option): string {
  if (long === '--log-level') return 'see below';
  const isAbsent = defaultValue === undefined || (Array.isArray(defaultValue) && defaultValue.length === 0);
  return isAbsent ? '' : `\`${defaultValueDescription ?? String(defaultValue)}\``;
}

function placeholder(argument: Argument): string {
  const name = argument.name().toUpperCase();
  return argument.required ? name : `[${name}]`;
}

function listed(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}
