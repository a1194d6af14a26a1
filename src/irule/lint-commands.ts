import {
  disabledCommands,
  f5Commands,
  isForeignCommand,
  isValidIn,
  laterTclCommands,
  tclCommands,
  topCommands,
} from './device-commands.js';
import type { LintCheck, LintMark } from './lint-finding.js';
import type { OutlinedCommand, RuleOutline } from './rule-outline.js';
import type { TclWord } from './tcl-parser.js';

type Check = (
  outlined: OutlinedCommand,
  outline: RuleOutline,
) => ReadonlyArray<{ check: LintCheck; reason: string }>;

const none: readonly never[] = [];

const isKnown: Check = ({ name, place, command }) => {
  const isTop = place.event === undefined && place.procedure === undefined;
  if (name === '') return [{ check: 'brace-style', reason: 'a command that is an empty word' }];
  if (command.words[0]?.kind === 'braced') {
    return [
      {
        check: 'brace-style',
        reason:
          'a line that begins with a brace goes on with the command above on BIG-IP, and is a command of its own in Tcl',
      },
    ];
  }
  if (name === 'else' || name === 'elseif') {
    return [{ check: 'brace-style', reason: `"${name}" must stand on the line of the brace before it` }];
  }
  if (laterTclCommands.has(name)) return [{ check: 'later-tcl', reason: `"${name}" came after Tcl 8.4` }];
  if (disabledCommands.has(name))
    return [{ check: 'unknown-command', reason: `"${name}" is disabled on BIG-IP` }];
  if (/[$[]/.test(name))
    return [{ check: 'unknown-command', reason: 'a command whose name is computed cannot be checked' }];
  if (isTop !== topCommands.has(name)) {
    const reason = isTop ? 'does not stand outside of events' : 'stands outside of events only';
    return [{ check: 'unknown-command', reason: `"${name}" ${reason}` }];
  }
  if (tclCommands.has(name) || isTop) return none;
  const events = f5Commands.get(name);
  if (events === undefined) {
    const reason = isForeignCommand(name)
      ? `the mock cannot run "${name}", so no test can`
      : `"${name}" is no command; a procedure is reached by "call ${name}"`;
    return [{ check: 'unknown-command', reason }];
  }
  if (place.event !== undefined && !isValidIn(events, place.event)) {
    return [{ check: 'wrong-event', reason: `"${name}" is not valid in ${place.event}` }];
  }
  return none;
};

/** Options and subcommands that came after Tcl 8.4, by command. */
const laterWords: ReadonlyMap<string, RegExp> = new Map([
  ['string', /^(?:reverse|cat|insert)$/],
  ['info', /^(?:frame|coroutine|class|object|errorstack)$/],
  ['lsort', /^-(?:nocase|stride|indices)$/],
  ['lsearch', /^-(?:index|nocase|subindices|bisect|stride)$/],
  ['switch', /^-(?:matchvar|indexvar|nocase)$/],
  ['return', /^-(?:options|level)$/],
  ['binary', /^(?:encode|decode)$/],
]);
const laterStringClasses = /^(?:wideinteger|entier|list|dict)$/;

const isTcl84: Check = ({ name, command: { words } }) => {
  const found: Array<{ check: LintCheck; reason: string }> = [];
  const later = laterWords.get(name);
  for (const { text, kind, isExpanded } of words.slice(1)) {
    if (isExpanded) {
      found.push({
        check: 'expansion',
        reason: '{*} is not expanded on BIG-IP: it becomes a "*" without any warning',
      });
    }
    if (kind === 'bare' && later?.test(text))
      found.push({ check: 'later-tcl', reason: `"${name} ${text}" came after Tcl 8.4` });
  }
  if (name === 'string' && words[1]?.text === 'is' && laterStringClasses.test(words[2]?.text ?? '')) {
    found.push({ check: 'later-tcl', reason: `"string is ${words[2]?.text}" came after Tcl 8.4` });
  }
  if (name === 'catch' && words.length > 3) {
    found.push({ check: 'later-tcl', reason: '"catch" takes a script and one variable in Tcl 8.4' });
  }
  return found;
};

const indexCommands = new Set(['lindex', 'lrange', 'lreplace', 'linsert', 'lset', 'string']);

const hasPlainIndices: Check = ({ name, command: { words } }) => {
  if (!indexCommands.has(name)) return none;
  return words.slice(2).flatMap(({ kind, text }) => {
    if (kind === 'braced' || !/(?:^\$?\w+|[\])}])[+-]\d+$|^end\+/.test(text) || /^end-(?:\d+)$/.test(text))
      return [];
    return [{ check: 'index-arithmetic', reason: `"${text}": Tcl 8.4 does not calculate indices; use expr` }];
  });
};

const scansSigned: Check = ({ name, command: { words } }) => {
  const format = words[1]?.text === 'scan' ? words[3] : words[2];
  if (name !== 'binary' || format === undefined) return none;
  const types = format.text.replaceAll(/\$\{[^}]*\}|\$\w+|\[[^\]]*\]|[\d\s*]/g, '');
  const later = /[tnmrRqQ]|[csSiIwW]u/.exec(types)?.[0];
  if (later === undefined) return none;
  return [
    {
      check: 'binary-scan',
      reason: `"${later}" came after Tcl 8.4, which scans signed numbers only: mask them`,
    },
  ];
};

const looksUpSafely: Check = ({ name, command: { words } }) => {
  if (name !== 'class' || !['match', 'search'].includes(words[1]?.text ?? '')) return none;
  const end = words.findIndex(({ text }) => text === '--');
  if (end === -1) {
    return [
      {
        check: 'class-match',
        reason: 'an item that begins with "-" is read as an option: write -- before it',
      },
    ];
  }
  const operator = words[end + 2]?.text ?? '';
  if (operator === 'equals') return none;
  return [
    {
      check: 'class-match',
      reason: `"${operator}" is no hash look-up: it crosses the boundaries of segments, and its cost grows`,
    },
  ];
};

const bracesItsCode: Check = ({ name, command: { words } }) => {
  if (name === 'eval' || name === 'subst') {
    return [{ check: 'unbraced', reason: `"${name}" runs text as code, and text comes from callers` }];
  }
  const scripts: Readonly<Record<string, readonly number[]>> = {
    if: [1, 2],
    while: [1, 2],
    for: [1, 2, 3, 4],
    foreach: [words.length - 1],
    catch: [1],
  };
  const positions =
    name === 'expr' ? words.slice(1).map((_word, index) => index + 1) : (scripts[name] ?? none);
  return positions.some((position) => isSubstitutable(words[position]))
    ? [{ check: 'unbraced', reason: `"${name}" substitutes its argument twice unless it stands in braces` }]
    : none;
};

function isSubstitutable(word: TclWord | undefined): boolean {
  return word !== undefined && word.kind !== 'braced' && /[$[]/.test(word.text);
}

const keepsToTheConnection: Check = ({ name, place, command: { words } }) => {
  const target = words[1]?.text ?? '';
  const found: Array<{ check: LintCheck; reason: string }> = [];
  const demotes = 'a global variable binds the virtual server to one TMM';
  if (
    name === 'global' ||
    words.some(({ kind, text }) => kind !== 'braced' && /(?:^|\$)::[a-z]/.test(text))
  ) {
    found.push({ check: 'global-variable', reason: demotes });
  }
  if (!['set', 'incr', 'append', 'lappend', 'array'].includes(name)) return found;
  const variable = name === 'array' ? (words[2]?.text ?? '') : target;
  const isWrite = name !== 'set' || words.length > 2;
  if (place.event === 'RULE_INIT' && !variable.includes('::') && isWrite) {
    found.push({ check: 'global-variable', reason: `${demotes}; in RULE_INIT write static::${variable}` });
  }
  if (place.event !== 'RULE_INIT' && variable.startsWith('static::') && isWrite) {
    found.push({
      check: 'global-variable',
      reason: 'a static:: variable that an event writes changes on one TMM only',
    });
  }
  return found;
};

/** What may fail without changing who is admitted. */
const harmless = /^\s*(?:ISTATS|STATS)::(?:incr|set)\b[^;\n]*\s*$/;

const decides: Check = ({ name, isSubstituted, command: { words } }) =>
  name !== 'catch' || isSubstituted || harmless.test(words[1]?.text ?? '')
    ? none
    : [
        {
          check: 'catch',
          reason: 'an error that nobody looks at leaves the decision as it was: test what "catch" returns',
        },
      ];

const endsTheRule: Check = ({ name, place, following }) => {
  if (name !== 'reject' && name !== 'drop') return none;
  const next = following.map(({ words }) => words.map(({ text }) => text).join(' '));
  const disable = next.indexOf('event disable all');
  const ends = place.isDelayed || next.includes('return', disable + 1);
  if (place.event !== undefined && disable !== -1 && ends) return none;
  return [
    {
      check: 'ending',
      reason: `"${name}" does not end the rule: "event disable all" and "return" must follow, in the event itself`,
    },
  ];
};

const namesFacility: Check = ({ name, command: { words } }) =>
  name === 'log' && !/^local[0-7]\./.test((words[1]?.text === '-noname' ? words[2] : words[1])?.text ?? '')
    ? [{ check: 'log-facility', reason: 'without a facility, "log" drops lines when there are many' }]
    : none;

const commentsOnItsOwn: Check = ({ command: { words } }) =>
  words.slice(1).some(({ kind, text }) => kind === 'bare' && text.startsWith('#'))
    ? [{ check: 'comment', reason: 'a comment behind a command needs a semicolon before it' }]
    : none;

/** The regular expressions of Tcl, `re_syntax(n)`: a bound is at most 255. */
const maxBound = 255;

const repeatsWithinBounds: Check = ({ name, command: { words } }) => {
  if (name !== 'regexp' && name !== 'regsub') return none;
  return words.slice(1).flatMap(({ text }) =>
    [...text.matchAll(/\{(\d+)(?:,(\d*))?\}/g)]
      .filter(([, least, most]) => Math.max(Number(least), Number(most ?? 0)) > maxBound)
      .map(([bound]) => ({
        check: 'regexp-bound' as const,
        reason: `"${bound}" does not compile: a bound is at most ${maxBound}`,
      })),
  );
};

const checks: readonly Check[] = [
  isKnown,
  isTcl84,
  hasPlainIndices,
  scansSigned,
  looksUpSafely,
  bracesItsCode,
  keepsToTheConnection,
  decides,
  endsTheRule,
  namesFacility,
  commentsOnItsOwn,
  repeatsWithinBounds,
];

/** Everything that is wrong with one command, seen from where it stands. */
export function lintCommand(outlined: OutlinedCommand, outline: RuleOutline): LintMark[] {
  const { start } = outlined.command;
  return checks.flatMap((check) => check(outlined, outline).map((found) => ({ ...found, start })));
}
