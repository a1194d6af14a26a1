import type { Command, Option } from 'commander';
import type { CliContext, ExitCode } from './context.js';

export type Shell = 'bash' | 'zsh' | 'fish';

/** What can follow one command, as its parser knows it. */
interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly CompletedFlag[];
  /** Words that its argument can be, where there is a list of them. */
  readonly words: readonly string[];
}

interface CompletedFlag {
  /** `--output`, and `-o` where there is one. */
  readonly spellings: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** Absent: anything; the shell then offers files. */
  readonly choices?: readonly string[];
}

/** Reads commands and flags from the parser itself, so that no list can grow old. */
export function completedCommands(program: Command): CompletedCommand[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: [...command.options.map(completedFlag), help],
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }));
}

const help: CompletedFlag = { spellings: ['-h', '--help'], description: 'display help', takesValue: false };

function completedFlag({ short, long, description, required, optional, argChoices }: Option): CompletedFlag {
  return {
    spellings: [short, long].filter((spelling) => spelling !== undefined),
    description,
    takesValue: required || optional,
    ...(argChoices === undefined ? {} : { choices: argChoices }),
  };
}

/** `completion SHELL`: a script for the shell to source. */
export function runCompletion(
  { output }: CliContext,
  shell: Shell,
  commands: readonly CompletedCommand[],
): Promise<ExitCode> {
  const script = renderers[shell](commands);
  output.line(script);
  output.json({ shell, script });
  return Promise.resolve(0);
}

const renderers: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: renderBash,
  zsh: renderZsh,
  fish: renderFish,
};

function renderBash(commands: readonly CompletedCommand[]): string {
  const values = commands.flatMap(({ name, flags }) =>
    flags
      .filter(({ takesValue }) => takesValue)
      .map(({ spellings, choices }) => {
        const patterns = spellings.map((spelling) => `${name}:${spelling}`).join('|');
        const reply = choices === undefined ? 'compgen -f' : `compgen -W '${choices.join(' ')}'`;
        return `    ${patterns}) COMPREPLY=($(${reply} -- "$word")); return ;;`;
      }),
  );
  const words = commands.map(({ name, flags, words: own }) => {
    const all = [...own, ...flags.flatMap(({ spellings }) => spellings)];
    return `    ${name}) COMPREPLY=($(compgen -W '${all.join(' ')}' -- "$word")) ;;`;
  });
  return [
    '# bash completion of bigip-mesh: source <(bigip-mesh completion bash)',
    '_bigip_mesh() {',
    '  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')}' -- "$word"))`,
    '    return',
    '  fi',
    '  case "$command:$previous" in',
    ...values,
    '  esac',
    '  case "$command" in',
    ...words,
    '  esac',
    '}',
    'complete -F _bigip_mesh bigip-mesh',
  ].join('\n');
}

function renderZsh(commands: readonly CompletedCommand[]): string {
  const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(/([[\]:])/g, '\\$1');
  const described = commands.map(({ name, description }) => `    '${name}:${quoted(description)}'`);
  const cases = commands.map(({ name, flags, words }) => {
    const specs = flags.flatMap(({ spellings, description, takesValue, choices }) =>
      spellings.map((spelling) => {
        const value = choices === undefined ? ':file:_files' : `:value:(${choices.join(' ')})`;
        return `'${spelling}[${quoted(description)}]${takesValue ? value : ''}'`;
      }),
    );
    const argument = words.length === 0 ? [] : [`'1:argument:(${words.join(' ')})'`];
    return `    ${name}) _arguments ${[...specs, ...argument].join(' ')} ;;`;
  });
  return [
    '#compdef bigip-mesh',
    '# zsh completion of bigip-mesh: source <(bigip-mesh completion zsh)',
    '_bigip_mesh() {',
    '  local -a commands',
    '  commands=(',
    ...described,
    '  )',
    '  if (( CURRENT == 2 )); then _describe command commands; return; fi',
    '  local command=$words[2]',
    '  shift words; (( CURRENT-- ))',
    '  case $command in',
    ...cases,
    '  esac',
    '}',
    'compdef _bigip_mesh bigip-mesh',
  ].join('\n');
}

function renderFish(commands: readonly CompletedCommand[]): string {
  const quoted = (text: string): string => `'${text.replaceAll(/(['\\])/g, '\\$1')}'`;
  const lines = commands.flatMap(({ name, description, flags, words }) => {
    const on = `-n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c bigip-mesh -f -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
      ...(words.length === 0 ? [] : [`complete -c bigip-mesh -f ${on} -a ${quoted(words.join(' '))}`]),
      ...flags.map(({ spellings, description: meaning, takesValue, choices }) => {
        const names = spellings.map((spelling) =>
          spelling.startsWith('--') ? `-l ${spelling.slice(2)}` : `-s ${spelling.slice(1)}`,
        );
        const value = takesValue
          ? choices === undefined
            ? ' -rF'
            : ` -xa ${quoted(choices.join(' '))}`
          : '';
        return `complete -c bigip-mesh ${on} ${names.join(' ')} -d ${quoted(meaning)}${value}`;
      }),
    ];
  });
  return ['# fish completion of bigip-mesh: bigip-mesh completion fish | source', ...lines].join('\n');
}
