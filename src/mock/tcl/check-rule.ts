import {
  disabledCommands,
  isForeignCommand,
  isValidIn,
  knownEvents,
  mathFunctions,
  silentEvents,
  tclCommands,
  topCommands,
} from '../../irule/device-commands.js';
import { outlineRule } from '../../irule/rule-outline.js';
import type { OutlinedCommand, RuleOutline } from '../../irule/rule-outline.js';
import { lineOf } from '../../irule/tcl-parser.js';
import type { RuleLoadError } from '../data-plane/configuration.js';
import { validEventsOf } from './loadable-commands.js';

interface Fault {
  readonly start: number;
  readonly kind: string;
  readonly source: string;
}

const maxPriority = 1000;

/**
 * What the device finds when a rule is saved: syntax, commands that are unknown, disabled or out of place, events that
 * are unknown or handled twice. It finds them wherever they stand, inside `catch` as well, because nothing runs.
 *
 * An empty rule loads.
 */
export function checkRuleText(text: string): readonly RuleLoadError[] {
  const outline = outlineRule(text);
  const faults = [
    ...outline.syntaxErrors.map(({ message, start, source }) => ({
      start,
      kind: `parse error: ${message}`,
      source,
    })),
    ...nonAscii(text),
    ...outline.commands.flatMap((command) => commandFaults(command)),
    ...functionFaults(outline),
    ...duplicateEvents(outline),
  ];
  return faults
    .toSorted((a, b) => a.start - b.start)
    .map(({ start, kind, source }) => ({ line: lineOf(text, start), kind, source }));
}

/** The loader refuses bytes outside of ASCII, with a message that does not say so (measured on 21.1.0.1). */
function nonAscii(text: string): Fault[] {
  const start = text.search(/\P{ASCII}/u);
  if (start === -1) return [];
  return [
    { start, kind: 'parse error: braces are required around the expression', source: text.charAt(start) },
  ];
}

function commandFaults({ command, name, place }: OutlinedCommand): Fault[] {
  const { start, source, words } = command;
  const fault = (kind: string): Fault[] => [{ start, kind, source }];
  const isTop = place.event === undefined && place.procedure === undefined;
  if (name === '' || /[$[\]\\]/.test(name)) return [];
  if (disabledCommands.has(name)) return fault(`command is disabled: "${name}"`);
  if (isTop !== topCommands.has(name)) {
    return fault(isTop ? `command is not valid in the current scope: "${name}"` : nestedKind(name));
  }
  if (name === 'when') return whenFaults(words.map(({ text }) => text)).flatMap(fault);
  if (tclCommands.has(name) || isTop) return [];
  const events = validEventsOf(name);
  if (events === undefined) {
    // One that the device has and the mock has not loads here, too, and fails when it runs.
    return isForeignCommand(name) ? [] : fault(`undefined procedure: ${name}`);
  }
  if (place.event === undefined || isValidIn(events, place.event)) return [];
  return fault(`command is not valid in current event context (${place.event}): "${name}"`);
}

function nestedKind(name: string): string {
  return name === 'when' || name === 'proc'
    ? `command is not valid in the current scope: "${name}"`
    : `undefined procedure: ${name}`;
}

function whenFaults([, event = '', ...rest]: readonly string[]): string[] {
  if (!knownEvents.has(event) && !silentEvents.has(event)) return [`unknown event: ${event}`];
  if (rest.length % 2 === 0) return ['wrong # args: "when"'];
  const kinds: string[] = [];
  for (let index = 0; index + 1 < rest.length; index += 2) {
    const [option = '', value = ''] = rest.slice(index, index + 2);
    const isPriority = option === 'priority' && /^\d+$/.test(value) && Number(value) <= maxPriority;
    const isTiming = option === 'timing' && /^(?:on|off|enable|disable)$/.test(value);
    if (!isPriority && !isTiming) kinds.push(`unexpected extra argument "${option}"`);
  }
  return kinds;
}

function functionFaults({ expressions }: RuleOutline): Fault[] {
  return expressions.flatMap(({ expression }) =>
    expression.tokens
      .filter(({ kind, text }) => kind === 'function' && !mathFunctions.has(text) && !wordOperators.has(text))
      .map(({ start, text }) => ({ start, kind: `unknown math function "${text}"`, source: text })),
  );
}

/** In front of a bracket these are operators: `not (...)`. */
const wordOperators: ReadonlySet<string> = new Set([
  'and',
  'or',
  'not',
  'eq',
  'ne',
  'contains',
  'equals',
  'starts_with',
  'ends_with',
  'matches',
  'matches_glob',
  'matches_regex',
]);

function duplicateEvents({ commands }: RuleOutline): Fault[] {
  const seen = new Set<string>();
  return commands.flatMap(({ command, name }) => {
    if (name !== 'when') return [];
    const event = command.words[1]?.text ?? '';
    if (seen.has(event))
      return [{ start: command.start, kind: `Duplicate event: ${event}`, source: command.source }];
    seen.add(event);
    return [];
  });
}
