import type { LintMark } from './lint-finding.js';
import type { OutlinedCommand, RuleOutline } from './rule-outline.js';
import type { TclCommand } from './tcl-parser.js';

/**
 * `incr` on a variable that nothing before it sets: an error in Tcl 8.4, and 1 in Tcl 8.6.
 *
 * A procedure knows its parameters and what it has set above; the events of a connection share their variables, so
 * there it is enough that some event sets it.
 */
export function lintIncr({ commands }: RuleOutline): LintMark[] {
  return commands.flatMap(({ command, name, place }): LintMark[] => {
    const variable = command.words[1]?.text ?? '';
    if (name !== 'incr' || variable.includes('::') || variable.includes('$')) return [];
    const isSet = commands.some(
      (other) =>
        other.place.procedure === place.procedure &&
        (place.procedure === undefined || other.command.start < command.start) &&
        setVariables(other).includes(variable),
    );
    const isParameter = commands.some(
      (other) =>
        other.name === 'proc' &&
        other.command.words[1]?.text === place.procedure &&
        parameters(other.command).includes(variable),
    );
    return isSet || isParameter
      ? []
      : [
          {
            start: command.start,
            check: 'incr-unset',
            reason: `"incr ${variable}": Tcl 8.4 refuses to count on a variable that is not set`,
          },
        ];
  });
}

function parameters({ words }: TclCommand): string[] {
  return (words[2]?.text ?? '').split(/\s+/).map((parameter) => parameter.replaceAll(/[{}]/g, ''));
}

function setVariables({ name, command: { words } }: OutlinedCommand): string[] {
  const texts = words.map(({ text }) => text);
  switch (name) {
    case 'set':
    case 'lappend':
    case 'append':
      return texts.slice(1, 2);
    case 'foreach':
      return (texts[1] ?? '').split(/\s+/);
    case 'binary':
      return texts.slice(4);
    case 'scan':
      return texts.slice(3);
    case 'upvar':
      return texts.slice(-1);
    case 'regexp':
    case 'regsub':
    case 'catch':
      return texts.slice(2);
    default:
      return [];
  }
}
