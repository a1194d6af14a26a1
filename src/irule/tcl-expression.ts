import { parseTcl, TclSyntaxError } from './tcl-parser.js';
import type { TclScript } from './tcl-parser.js';

/** One piece of an expression that is of interest to a check. */
export interface ExpressionToken {
  readonly kind: 'operator' | 'bareword' | 'function' | 'string' | 'variable' | 'number' | 'command';
  readonly text: string;
  /** Where it begins in the whole script. */
  readonly start: number;
}

export interface TclExpression {
  readonly tokens: readonly ExpressionToken[];
  /** Scripts in square brackets. */
  readonly substitutions: readonly TclScript[];
}

const patterns: ReadonlyArray<readonly [ExpressionToken['kind'], RegExp]> = [
  ['number', /(?:0x[0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?)/y],
  ['function', /[A-Za-z_][A-Za-z0-9_]*(?=\s*\()/y],
  ['bareword', /[A-Za-z_][A-Za-z0-9_:]*/y],
  ['variable', /\$(?:\{[^}]*\}|(?:[A-Za-z0-9_]|::)+(?:\((?:[^()]|\([^()]*\))*\))?)/y],
  ['operator', /(?:\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>!~&|^?:(),])/y],
];

/** Takes an expression apart (tcl.tk, expr(n)); names of functions and word operators are left to the reader. */
export function parseExpression(
  text: string,
  range: { readonly from: number; readonly to: number },
): TclExpression {
  const tokens: ExpressionToken[] = [];
  const substitutions: TclScript[] = [];
  let at = range.from;
  while (at < range.to) {
    const character = text.charAt(at);
    if (/\s/.test(character) || character === '\\') {
      at += 1;
      continue;
    }
    const start = at;
    if (character === '[') {
      at = bracketEnd(text, at, range.to);
      substitutions.push(parseTcl(text, { from: start + 1, to: at - 1 }));
      tokens.push({ kind: 'command', text: text.slice(start, at), start });
      continue;
    }
    if (character === '"' || character === '{') {
      at = stringEnd(text, at, range.to);
      tokens.push({ kind: 'string', text: text.slice(start, at), start });
      continue;
    }
    const token = tokenAt(text, at, range.to);
    if (token === undefined)
      throw new TclSyntaxError(`syntax error in expression`, at, text.slice(range.from, range.to));
    tokens.push(token);
    at += token.text.length;
  }
  return { tokens, substitutions };
}

function tokenAt(text: string, at: number, to: number): ExpressionToken | undefined {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined && at + found.length <= to) return { kind, text: found, start: at };
  }
  return undefined;
}

/** Where the bracket that opens at `at` is closed; braces and quotes inside are respected by trying the parser. */
function bracketEnd(text: string, at: number, to: number): number {
  for (let close = text.indexOf(']', at); close !== -1 && close < to; close = text.indexOf(']', close + 1)) {
    try {
      parseTcl(text, { from: at + 1, to: close });
      return close + 1;
    } catch (error) {
      if (!(error instanceof TclSyntaxError)) throw error;
    }
  }
  throw new TclSyntaxError('missing close-bracket', at, text.slice(at, to));
}

function stringEnd(text: string, at: number, to: number): number {
  const isBraced = text.charAt(at) === '{';
  let depth = 1;
  for (let index = at + 1; index < to; index += 1) {
    const character = text.charAt(index);
    if (character === '\\') index += 1;
    else if (isBraced && character === '{') depth += 1;
    else if (character === (isBraced ? '}' : '"')) depth -= 1;
    if (depth === 0) return index + 1;
  }
  throw new TclSyntaxError(isBraced ? 'missing close-brace' : 'missing "', at, text.slice(at, to));
}
