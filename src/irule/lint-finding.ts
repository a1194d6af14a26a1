/** What is wrong with a rule's text, and why. */
export interface LintFinding {
  /** Counted from 1. */
  readonly line: number;
  /** The check's name, as documented in docs. */
  readonly check: LintCheck;
  readonly reason: string;
}

/** The checks, each for one difference between the Tcl of TMM and stock Tcl, or for one way to fail open. */
export type LintCheck =
  | 'syntax'
  | 'ascii'
  | 'comment'
  | 'unknown-command'
  | 'wrong-event'
  | 'later-tcl'
  | 'expansion'
  | 'brace-style'
  | 'word-operator'
  | 'string-comparison'
  | 'unbraced'
  | 'index-arithmetic'
  | 'binary-scan'
  | 'regexp-bound'
  | 'incr-unset'
  | 'class-match'
  | 'global-variable'
  | 'ending'
  | 'catch'
  | 'duplicate-event'
  | 'log-facility';

/** A finding before its line is known. */
export interface LintMark {
  /** Where in the text. */
  readonly start: number;
  readonly check: LintCheck;
  readonly reason: string;
}
