import { strict as assert } from 'node:assert';
import { lintRule } from '../../../src/irule/lint.js';
import type { LintCheck } from '../../../src/irule/lint-finding.js';
import { loadRule } from '../../../src/irule/load-rule.js';
import { checkRuleText } from '../../../src/mock/tcl/check-rule.js';

/** Text that stands on line 2 of an event, and what is found there. */
const inEvent: ReadonlyArray<[text: string, ...checks: LintCheck[]]> = [
  ['set x "é"', 'ascii'],
  ['log local0. hi # why', 'comment'],
  ['frobnicate', 'unknown-command'],
  ['namespace current', 'unknown-command'],
  ['HTTP::uri', 'unknown-command'],
  ['$command 1', 'unknown-command'],
  ['SSL::cert 0', 'wrong-event'],
  ['lassign {1 2} a b', 'later-tcl'],
  ['dict get $d k', 'later-tcl'],
  ['string reverse $s', 'later-tcl'],
  ['lsort -nocase $l', 'later-tcl'],
  ['lsearch -index 0 $l x', 'later-tcl'],
  ['info frame', 'later-tcl'],
  ['switch -matchvar m -- $x { a { } }', 'later-tcl'],
  ['string is wideinteger $s', 'later-tcl'],
  ['if {[catch { foo } r o]} { set x 1 }', 'unknown-command', 'later-tcl'],
  ['set l [list {*}$l]', 'expansion'],
  ['if {$x}{ set y 1 }', 'syntax'],
  ['if {$a starts_with "b"} { set y 1 }', 'word-operator'],
  ['if {not ($a)} { set y 1 }', 'word-operator'],
  ['if {$a eq "b" and $c} { set y 1 }', 'word-operator'],
  ['if {$a in $b} { set y 1 }', 'later-tcl'],
  ['set y [expr {2 ** 3}]', 'later-tcl'],
  ['if {$a == "abc"} { set y 1 }', 'string-comparison'],
  ['if {abc eq $a} { set y 1 }', 'syntax'],
  ['set y [expr $a + 1]', 'unbraced', 'unbraced'],
  ['if $a { set y 1 }', 'unbraced'],
  ['eval $text', 'unbraced'],
  ['set y [lindex $l $i+1]', 'index-arithmetic'],
  ['set y [string range $s 0 end+1]', 'index-arithmetic'],
  ['binary scan $d cu x', 'binary-scan'],
  ['binary scan $d "@${i}Su" x', 'binary-scan'],
  ['binary scan $d R x', 'binary-scan'],
  ['incr n', 'incr-unset'],
  ['class match $x equals /Common/dg', 'class-match'],
  ['class match -- $x starts_with /Common/dg', 'class-match'],
  ['set ::x 1', 'global-variable'],
  ['global x', 'global-variable'],
  ['set static::x 1', 'global-variable'],
  ['reject', 'ending'],
  ['reject; event disable all', 'ending'],
  ['reject; return', 'ending'],
  ['catch { SSL::session invalidate }', 'wrong-event', 'catch'],
  ['log "hi"', 'log-facility'],
];

describe('the lint for rules', () => {
  it('finds nothing in the shipped rule, and the device would load it', async () => {
    const text = await loadRule();
    assert.deepEqual(lintRule(text), []);
    assert.deepEqual(checkRuleText(text), []);
  });

  for (const [text, ...checks] of inEvent) {
    it(`finds ${checks.join(', ')} in: ${text}`, () => {
      const findings = lintRule(`when CLIENT_ACCEPTED {\n${text}\n}\n`);
      assert.deepEqual(
        [...new Set(findings.map(({ check }) => check))].toSorted(),
        [...new Set(checks)].toSorted(),
      );
      assert.ok(
        findings.every(({ line, reason }) => line === 2 && reason !== ''),
        JSON.stringify(findings),
      );
    });
  }

  it('finds a brace on its own line', () => {
    const findings = lintRule('when CLIENT_ACCEPTED {\nif {$x}\n{\nset y 1\n}\n}\n');
    assert.deepEqual(
      findings.map(({ line, check }) => [line, check]),
      [[3, 'brace-style']],
    );
  });

  it('finds an else on its own line', () => {
    const findings = lintRule('when CLIENT_ACCEPTED {\nif {$x} {\nset y 1\n}\nelse {\nset y 2\n}\n}\n');
    assert.deepEqual(
      findings.map(({ line, check }) => [line, check]),
      [[5, 'brace-style']],
    );
  });

  it('finds braces that are not balanced in a comment', () => {
    const findings = lintRule('# an open { brace\nwhen CLIENT_ACCEPTED {\n}\n');
    assert.deepEqual(
      findings.map(({ line, check }) => [line, check]),
      [[1, 'comment']],
    );
  });

  it('finds an event that is handled twice', () => {
    const findings = lintRule('when CLIENT_ACCEPTED {\n}\nwhen CLIENT_ACCEPTED {\n}\n');
    assert.deepEqual(
      findings.map(({ line, check }) => [line, check]),
      [[3, 'duplicate-event']],
    );
  });

  it('finds a procedure that is called without call', () => {
    const findings = lintRule('proc a {} {\nreturn 1\n}\nwhen CLIENT_ACCEPTED {\nset x [a]\n}\n');
    assert.deepEqual(
      findings.map(({ line, check }) => [line, check]),
      [[5, 'unknown-command']],
    );
  });

  it('finds variables of RULE_INIT that bind a virtual server to one TMM', () => {
    const findings = lintRule('when RULE_INIT {\nset limit 5\nset static::limit 5\n}\n');
    assert.deepEqual(
      findings.map(({ line, check }) => [line, check]),
      [[2, 'global-variable']],
    );
  });

  it('finds a faulty command however deep it stands', () => {
    const text =
      'when CLIENT_ACCEPTED {\nset x 1\nforeach y {1 2} {\nswitch -- $y {\n1 { if {[string length [lreverse $x]]} { set z 1 } }\n}\n}\n}\n';
    assert.deepEqual(
      lintRule(text).map(({ line, check }) => [line, check]),
      [[5, 'later-tcl']],
    );
  });
});
