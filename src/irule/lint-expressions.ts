import { mathFunctions } from './device-commands.js';
import type { LintMark } from './lint-finding.js';
import type { OutlinedExpression } from './rule-outline.js';
import type { ExpressionToken } from './tcl-expression.js';

const wordOperators = new Set(
  'contains starts_with ends_with equals matches matches_glob matches_regex and or not'.split(' '),
);
const laterOperators = new Set(['in', 'ni', '**']);
const stringOperators = new Set(['eq', 'ne']);
const booleans = new Set(['true', 'false', 'yes', 'no', 'on', 'off']);

/** Expressions that BIG-IP and stock Tcl read differently, or that compare what they should not. */
export function lintExpression({ expression: { tokens } }: OutlinedExpression): LintMark[] {
  return tokens.flatMap((token, index): LintMark[] => {
    const { text, kind, start } = token;
    if ((kind === 'bareword' || kind === 'function') && wordOperators.has(text)) {
      return [
        {
          start,
          check: 'word-operator',
          reason: `"${text}" is an operator on BIG-IP only; tclsh cannot run it`,
        },
      ];
    }
    if (laterOperators.has(text)) {
      return [{ start, check: 'later-tcl', reason: `the operator "${text}" came after Tcl 8.4` }];
    }
    if (kind === 'function' && !mathFunctions.has(text)) {
      return [{ start, check: 'later-tcl', reason: `Tcl 8.4 has no function "${text}"` }];
    }
    if (kind === 'bareword' && !stringOperators.has(text) && !booleans.has(text)) {
      return [{ start, check: 'syntax', reason: `"${text}" is no operand; a string needs quotes or braces` }];
    }
    if ((text === '==' || text === '!=') && [tokens[index - 1], tokens[index + 1]].some(isText)) {
      return [
        {
          start,
          check: 'string-comparison',
          reason: `"${text}" compares as numbers when it can (0x10 is 16); compare strings with ${text === '==' ? 'eq' : 'ne'}`,
        },
      ];
    }
    return [];
  });
}

function isText(token: ExpressionToken | undefined): boolean {
  return token?.kind === 'string' && !/^["{]-?\d+["}]$/.test(token.text);
}
