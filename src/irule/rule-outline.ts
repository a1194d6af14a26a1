import { parseExpression } from './tcl-expression.js';
import type { TclExpression } from './tcl-expression.js';
import { parseTcl, TclSyntaxError } from './tcl-parser.js';
import type { TclCommand, TclScript, TclWord } from './tcl-parser.js';

/** Where a piece of a rule runs. */
export interface Place {
  /** `CLIENT_ACCEPTED`; undefined in a procedure and at the top. */
  readonly event: string | undefined;
  readonly procedure: string | undefined;
  /** Inside a script that `after` puts off. */
  readonly isDelayed: boolean;
}

export interface OutlinedCommand {
  readonly command: TclCommand;
  /** Its first word as written. */
  readonly name: string;
  readonly place: Place;
  /** The commands of the same script that follow it. */
  readonly following: readonly TclCommand[];
  /** Its value is used: it stands in square brackets. */
  readonly isSubstituted: boolean;
}

export interface OutlinedExpression {
  readonly expression: TclExpression;
  readonly place: Place;
}

/** A rule, flattened: every command and expression, however deep, in the order of the text. */
export interface RuleOutline {
  readonly text: string;
  readonly commands: readonly OutlinedCommand[];
  readonly expressions: readonly OutlinedExpression[];
  readonly comments: TclScript['comments'];
  /** The first fault of each script that cannot be taken apart. */
  readonly syntaxErrors: readonly TclSyntaxError[];
}

type Role = 'script' | 'expression' | 'delayed-script' | 'switch-arms' | 'plain';

/** Takes a rule apart down to the last bracket. Pure; a rule that cannot be taken apart is a result, too. */
export function outlineRule(text: string): RuleOutline {
  return new Outliner(text).outline();
}

class Outliner {
  readonly #text: string;
  readonly #commands: OutlinedCommand[] = [];
  readonly #expressions: OutlinedExpression[] = [];
  readonly #comments: Array<TclScript['comments'][number]> = [];
  readonly #syntaxErrors: TclSyntaxError[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  outline(): RuleOutline {
    const top: Place = { event: undefined, procedure: undefined, isDelayed: false };
    this.#attempt(() => this.#visit(parseTcl(this.#text), top, false));
    return {
      text: this.#text,
      commands: this.#commands,
      expressions: this.#expressions,
      comments: this.#comments,
      syntaxErrors: this.#syntaxErrors,
    };
  }

  #visit(script: TclScript, place: Place, isSubstituted: boolean): void {
    this.#comments.push(...script.comments);
    script.commands.forEach((command, index) => {
      const name = command.words[0]?.text ?? '';
      const following = script.commands.slice(index + 1);
      this.#commands.push({ command, name, place, following, isSubstituted });
      const roles = argumentRoles(command);
      command.words.forEach((word, position) =>
        this.#visitWord(word, roles[position] ?? 'plain', inner(command, place)),
      );
    });
  }

  #visitWord(word: TclWord, role: Role, place: Place): void {
    for (const substitution of word.substitutions) this.#visit(substitution, place, true);
    if (word.kind !== 'braced') return;
    const range = { from: word.start, to: word.start + word.text.length };
    if (role === 'script') this.#visitRange(range, place);
    if (role === 'delayed-script') this.#visitRange(range, { ...place, isDelayed: true });
    if (role === 'expression') this.#visitExpression(range, place);
    if (role === 'switch-arms') {
      this.#attempt(() => {
        const words = parseTcl(this.#text, range).commands.flatMap((command) => command.words);
        words.forEach((arm, index) => this.#visitWord(arm, index % 2 === 1 ? 'script' : 'plain', place));
      });
    }
  }

  #visitRange(range: { from: number; to: number }, place: Place): void {
    this.#attempt(() => this.#visit(parseTcl(this.#text, range), place, false));
  }

  #visitExpression(range: { from: number; to: number }, place: Place): void {
    this.#attempt(() => {
      const expression = parseExpression(this.#text, range);
      this.#expressions.push({ expression, place });
      for (const substitution of expression.substitutions) this.#visit(substitution, place, true);
    });
  }

  #attempt(visit: () => void): void {
    try {
      visit();
    } catch (error) {
      if (!(error instanceof TclSyntaxError)) throw error;
      this.#syntaxErrors.push(error);
    }
  }
}

function inner({ words }: TclCommand, place: Place): Place {
  const [name, argument] = words;
  if (name?.text === 'when') return { ...place, event: argument?.text ?? '' };
  if (name?.text === 'proc') return { ...place, procedure: argument?.text ?? '' };
  return place;
}

/** What each word of a command is to that command; the first is its name. */
function argumentRoles({ words }: TclCommand): readonly Role[] {
  const last = words.length - 1;
  const roles: Role[] = words.map(() => 'plain');
  switch (words[0]?.text ?? '') {
    case 'when':
    case 'proc':
    case 'foreach':
    case 'time':
    case 'eval':
    case 'uplevel':
      if (last >= 1) roles[last] = 'script';
      break;
    case 'after':
      if (last >= 2) roles[last] = 'delayed-script';
      break;
    case 'catch':
      if (last >= 1) roles[1] = 'script';
      break;
    case 'while':
      return ['plain', 'expression', 'script'];
    case 'for':
      return ['plain', 'script', 'expression', 'script', 'script'];
    case 'expr':
      return roles.map((role, index) => (index === 0 ? role : 'expression'));
    case 'if':
      return ifRoles(words);
    case 'switch':
      return switchRoles(words);
    default:
  }
  return roles;
}

function ifRoles(words: readonly TclWord[]): Role[] {
  const roles: Role[] = ['plain', 'expression'];
  for (let index = 2; index < words.length; index += 1) {
    const word = words[index];
    const isKeyword = word?.kind === 'bare' && ['then', 'else', 'elseif'].includes(word.text);
    const follows = words[index - 1]?.text === 'elseif' && words[index - 1]?.kind === 'bare';
    roles.push(isKeyword ? 'plain' : follows ? 'expression' : 'script');
  }
  return roles;
}

function switchRoles(words: readonly TclWord[]): Role[] {
  let value = 1;
  while (words[value]?.kind === 'bare' && words[value]?.text.startsWith('-')) {
    value += 1;
    if (words[value - 1]?.text === '--') break;
  }
  const hasOneList = words.length === value + 2;
  return words.map((_word, index) => {
    if (index <= value) return 'plain';
    if (hasOneList) return 'switch-arms';
    return (index - value) % 2 === 0 ? 'script' : 'plain';
  });
}
