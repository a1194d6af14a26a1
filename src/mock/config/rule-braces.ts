import type { RuleLoadError } from '../data-plane/configuration.js';

/** The least that a rule must satisfy, for a mock without a data plane: its braces are balanced. */
export function findBraceError(ruleText: string): RuleLoadError | undefined {
  let depth = 0;
  let line = 1;
  const lines = ruleText.split('\n');
  for (let at = 0; at < ruleText.length; at++) {
    const character = ruleText[at];
    if (character === '\\') at += 1;
    if (character === '\n' || (character === '\\' && ruleText[at] === '\n')) line += 1;
    else if (character === '{') depth += 1;
    else if (character === '}') depth -= 1;
    if (depth < 0) return { line, kind: 'parse error: unmatched close-brace', source: lines[line - 1] ?? '' };
  }
  if (depth === 0) return undefined;
  return { line: lines.length, kind: 'parse error: missing close-brace', source: lines.at(-1) ?? '' };
}
