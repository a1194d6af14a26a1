import { outlineRule } from '../../irule/rule-outline.js';
import type { ExpressionToken } from '../../irule/tcl-expression.js';

/** One change of a text; `until` is where what it belongs to ends, which puts openings at one place in order. */
interface Edit {
  readonly at: number;
  readonly length: number;
  readonly text: string;
  readonly until: number;
}

/** F5's word operators, and what stands for them in Tcl; those without compare by a function. */
const plainWords: ReadonlyMap<string, string> = new Map([
  ['and', '&&'],
  ['or', '||'],
  ['not', '!'],
  ['equals', 'eq'],
]);
const functionWords: ReadonlySet<string> = new Set([
  'contains',
  'starts_with',
  'ends_with',
  'matches',
  'matches_glob',
  'matches_regex',
]);
const anyWord = /\b(?:and|or|not|equals|contains|starts_with|ends_with|matches(?:_glob|_regex)?)\b/;

/** Binary operators of Tcl's expr, the loosest first; F5's comparisons bind like `eq` and `ne`. */
const levels: ReadonlyArray<ReadonlySet<string>> = [
  ['||', 'or'],
  ['&&', 'and'],
  ['|'],
  ['^'],
  ['&'],
  ['eq', 'ne', 'equals', ...functionWords],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
].map((words) => new Set(words));

const unaryOperators: ReadonlySet<string> = new Set(['!', '~', '-', '+', 'not']);

/**
 * Writes F5's word operators in the braced expressions of a rule as stock Tcl understands them: `and`, `or`, `not` and
 * `equals` as operators, the others as functions that each interpreter of the harness has (`f5_contains(a,b)`).
 *
 * `not` binds tighter than a comparison, as measured on 21.1.0.1, so `not "abc" starts_with "a"` fails when it runs.
 * Lines stay where they are. An expression that does not parse is left for the interpreter to refuse.
 */
export function translateWordOperators(text: string): string {
  if (!anyWord.test(text)) return text;
  const edits = outlineRule(text).expressions.flatMap(({ expression }) => editsOf(expression.tokens));
  let translated = text;
  // From the end, so that earlier offsets stay true; of two openings at one place the outer one comes first.
  for (const { at, length, text: replacement } of edits.toSorted(
    (a, b) => b.at - a.at || a.until - b.until,
  )) {
    translated = translated.slice(0, at) + replacement + translated.slice(at + length);
  }
  return translated;
}

function editsOf(tokens: readonly ExpressionToken[]): readonly Edit[] {
  if (!tokens.some(({ text }) => plainWords.has(text) || functionWords.has(text))) return [];
  const parser = new OperatorParser(tokens);
  return parser.parse() ? parser.edits : [];
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Finds the operands of the operators; `undefined` where there are none. */
class OperatorParser {
  readonly edits: Edit[] = [];
  readonly #tokens: readonly ExpressionToken[];
  #next = 0;

  constructor(tokens: readonly ExpressionToken[]) {
    this.#tokens = tokens;
  }

  /** @returns false when the expression is not one. */
  parse(): boolean {
    return this.#ternary() !== undefined && this.#next === this.#tokens.length;
  }

  #ternary(): Extent | undefined {
    const condition = this.#binary(0);
    if (condition === undefined || !this.#take('?')) return condition;
    const first = this.#ternary();
    if (first === undefined || !this.#take(':')) return undefined;
    const second = this.#ternary();
    return second === undefined ? undefined : { start: condition.start, end: second.end };
  }

  #binary(level: number): Extent | undefined {
    const operators = levels[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let token = this.#peek(); left !== undefined && token !== undefined; token = this.#peek()) {
      if (!operators.has(token.text) || token.kind === 'string') break;
      this.#next += 1;
      const right = this.#binary(level + 1);
      if (right === undefined) return undefined;
      const whole: Extent = { start: left.start, end: right.end };
      if (functionWords.has(token.text)) {
        const name = token.text === 'matches' ? 'matches_glob' : token.text;
        this.edits.push(
          { at: whole.start, length: 0, text: `f5_${name}(`, until: whole.end },
          { at: token.start, length: token.text.length, text: ',', until: 0 },
          { at: whole.end, length: 0, text: ')', until: 0 },
        );
      } else {
        this.#replace(token);
      }
      left = whole;
    }
    return left;
  }

  #unary(): Extent | undefined {
    const token = this.#peek();
    if (token === undefined) return undefined;
    this.#next += 1;
    if (unaryOperators.has(token.text) && token.kind !== 'string') {
      this.#replace(token);
      const operand = this.#unary();
      return operand === undefined ? undefined : { start: token.start, end: operand.end };
    }
    if (token.text === '(') return this.#arguments(token.start);
    if (token.kind === 'operator') return undefined;
    if (token.kind === 'function') return this.#take('(') ? this.#arguments(token.start) : undefined;
    return { start: token.start, end: token.start + token.text.length };
  }

  /** What stands behind an opening bracket, up to the closing one. */
  #arguments(start: number): Extent | undefined {
    if (this.#peek()?.text === ')') this.#next += 1;
    else {
      do if (this.#ternary() === undefined) return undefined;
      while (this.#take(','));
      if (!this.#take(')')) return undefined;
    }
    const last = this.#tokens[this.#next - 1];
    return { start, end: (last?.start ?? start) + 1 };
  }

  #replace(token: ExpressionToken): void {
    const word = plainWords.get(token.text);
    if (word !== undefined) {
      this.edits.push({ at: token.start, length: token.text.length, text: word, until: 0 });
    }
  }

  #peek(): ExpressionToken | undefined {
    return this.#tokens[this.#next];
  }

  #take(text: string): boolean {
    const token = this.#peek();
    if (token?.text !== text || token.kind === 'string') return false;
    this.#next += 1;
    return true;
  }
}
