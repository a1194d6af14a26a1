import { lintCommand } from './lint-commands.js';
import { lintExpression } from './lint-expressions.js';
import type { LintFinding, LintMark } from './lint-finding.js';
import { lintIncr } from './lint-incr.js';
import { outlineRule } from './rule-outline.js';
import type { RuleOutline } from './rule-outline.js';
import { lineOf } from './tcl-parser.js';

/**
 * Finds what keeps a rule from meaning the same on BIG-IP (Tcl 8.4.6 with F5's parser) and in tclsh 8.6, and what can
 * let a caller through by mistake. What it passes can be tested in tclsh.
 *
 * @returns findings in the order of their lines; none for a good rule.
 */
export function lintRule(text: string): readonly LintFinding[] {
  const outline = outlineRule(text);
  const marks = [
    ...outline.syntaxErrors.map(({ message, start }): LintMark => ({
      start,
      check: 'syntax',
      reason: message,
    })),
    ...nonAscii(text),
    ...unbalancedComments(outline),
    ...duplicateEvents(outline),
    ...outline.commands.flatMap((command) => lintCommand(command, outline)),
    ...outline.expressions.flatMap((expression) => lintExpression(expression)),
    ...lintIncr(outline),
  ];
  return marks
    .toSorted((a, b) => a.start - b.start)
    .map(({ start, check, reason }) => ({ line: lineOf(text, start), check, reason }));
}

function nonAscii(text: string): LintMark[] {
  return [...text.matchAll(/[^\n\t -~]+/g)].map(({ index }) => ({
    start: index,
    check: 'ascii',
    reason: 'BIG-IP refuses many bytes outside of ASCII, with a message about braces',
  }));
}

/** Braces count in comments, too. */
function unbalancedComments({ comments }: RuleOutline): LintMark[] {
  return comments.flatMap(({ start, text }): LintMark[] => {
    let depth = 0;
    for (const character of text) {
      if (character === '{') depth += 1;
      if (character === '}') depth -= 1;
      if (depth < 0) break;
    }
    return depth === 0 ? [] : [{ start, check: 'comment', reason: 'braces in a comment must be balanced' }];
  });
}

function duplicateEvents({ commands }: RuleOutline): LintMark[] {
  const handlers = commands.filter(({ name }) => name === 'when');
  return handlers.flatMap(({ command }, index): LintMark[] => {
    const event = command.words[1]?.text ?? '';
    const isSecond = handlers.slice(0, index).some(({ command: { words } }) => words[1]?.text === event);
    return isSecond
      ? [
          {
            start: command.start,
            check: 'duplicate-event',
            reason: `${event} is handled twice; BIG-IP does not load that`,
          },
        ]
      : [];
  });
}
