import { strict as assert } from 'node:assert';
import { lintRule } from '../../../src/irule/lint.js';
import type { LintCheck } from '../../../src/irule/lint-finding.js';

/** What only one of Tcl 8.4.6 (BIG-IP) and Tcl 8.6 reads, or what they read differently: the check, and text with it. */
const differences: ReadonlyArray<[difference: string, check: LintCheck, texts: readonly string[]]> = [
  [
    'commands that came after 8.4',
    'later-tcl',
    [
      'dict get $d k',
      'lassign $l a b',
      'apply $lambda',
      'lreverse $l',
      'lrepeat 2 x',
      'chan configure $c',
      'try { set x 1 }',
      'throw a b',
      'lmap x $l { set x }',
      'tailcall a',
      'coroutine c a',
      'yield',
      'zlib crc32 $d',
    ],
  ],
  [
    'words of commands that came after 8.4',
    'later-tcl',
    [
      'set r [string reverse $s]',
      'set r [binary encode hex $d]',
      'set r [binary decode hex $d]',
      'set r [info frame]',
      'set r [string is wideinteger $s]',
      'switch -matchvar m -regexp -- $s { a { set x 1 } }',
      'set r [lsort -nocase $l]',
      'set r [lsort -stride 2 $l]',
      'set r [lsearch -index 0 $l x]',
      'return -level 2 x',
      'return -options $o x',
      'catch { set x 1 } result options',
    ],
  ],
  [
    'operators that came after 8.4',
    'later-tcl',
    ['set r [expr {2 ** 3}]', 'if {$a in $l} { set x 1 }', 'if {$a ni $l} { set x 1 }'],
  ],
  [
    'operators as commands',
    'unknown-command',
    ['set r [::tcl::mathop::+ 1 2]', 'set r [tcl::mathop::+ 1 2]'],
  ],
  ['namespace ensembles', 'unknown-command', ['namespace ensemble create']],
  ['the expansion operator', 'expansion', ['set r [list {*}$l]', 'lappend l {*}$m']],
  [
    'commands that the device disables',
    'unknown-command',
    (
      'auto_execok auto_import auto_load auto_qualify cd eof exec exit fblocked fconfigure fcopy file flush gets glob ' +
      'interp load namespace open package pid pwd rename seek socket source tell time unknown update vwait'
    )
      .split(' ')
      .map((command) => `${command} a`),
  ],
  ['words that touch', 'syntax', ['if {$x}{ set y 1 }', 'set y "a"b']],
  ['a brace on a line of its own', 'brace-style', ['if {$x}\n{\nset y 1\n}', 'foreach a $l\n{\nset y 1\n}']],
  [
    'else on a line of its own',
    'brace-style',
    ['if {$x} {\nset y 1\n}\nelse {\nset y 2\n}', 'if {$x} {\nset y 1\n}\nelseif {$z} {\nset y 2\n}'],
  ],
  [
    'operators of the device alone',
    'word-operator',
    [
      'contains',
      'starts_with',
      'ends_with',
      'equals',
      'matches',
      'matches_glob',
      'matches_regex',
      'and',
      'or',
    ].map((operator) => `if {$a ${operator} $b} { set x 1 }`),
  ],
  [
    'not, also where it binds to one word',
    'word-operator',
    ['if {not $a} { set x 1 }', 'if {not "abc" starts_with "a"} { set x 1 }', 'set r [expr {not ($a)}]'],
  ],
  [
    'functions that 8.4 has not',
    'later-tcl',
    ['set r [expr {max(1, 2)}]', 'set r [expr {isqrt(9)}]', 'set r [expr {entier(1)}]'],
  ],
  ['an open brace in a comment', 'syntax', ['# an open {']],
  ['a closing brace in a comment, which ends the event', 'unknown-command', ['# a closing }']],
  [
    'an event or a procedure inside of an event',
    'unknown-command',
    ['when CLIENT_DATA { }', 'proc a { } { }'],
  ],
  ['a comment behind a command', 'comment', ['set x 1 # why']],
  ['characters beyond ASCII', 'ascii', ['set x "\u00e9"', 'set x "\u2192"', '# caf\u00e9']],
  ['counting on a variable that may not be there', 'incr-unset', ['incr n']],
  [
    'calculated indices',
    'index-arithmetic',
    [
      'set r [lindex $l $i+1]',
      'set r [string range $s $i-1 end]',
      'set r [lrange $l 0 end+1]',
      'set r [string index $s 1+1]',
    ],
  ],
  [
    'types of binary scan that came after 8.4',
    'binary-scan',
    ['cu', 'Su', 'Iu', 't', 'n', 'm', 'r', 'R', 'q', 'Q'].map((type) => `binary scan $d ${type} x`),
  ],
  [
    'strings that are compared as numbers',
    'string-comparison',
    ['if {$a == "0x10"} { set x 1 }', 'if {$a != "b"} { set x 1 }'],
  ],
  ['bounds above 255', 'regexp-bound', ['regexp {^a{1,256}$} $s', 'regsub {a{300}} $s "" r']],
];

describe('the lint for what Tcl 8.4.6 and Tcl 8.6 do not read alike', () => {
  for (const [difference, check, texts] of differences) {
    it(`finds ${difference}`, () => {
      for (const text of texts) {
        const found = lintRule(`when CLIENT_ACCEPTED {\n${text}\n}\n`).map((finding) => finding.check);
        assert.ok(found.includes(check), `${text}: ${found.join(', ') || 'nothing'}`);
      }
    });
  }
});
