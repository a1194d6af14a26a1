import { strict as assert } from 'node:assert';
import { loadRule } from '../../../src/irule/load-rule.js';
import { checkRuleText } from '../../../src/mock/tcl/check-rule.js';
import { RuleBench } from './rule-bench.js';
import { conformanceCases } from './rule-conformance.js';

/** Faults that a hand could make in the rule: what stands there, what stands there instead, and how often it does. */
const mutants: ReadonlyArray<[name: string, from: string, to: string, occurrence?: number]> = [
  ['admits from the start', 'set spf_admitted 0', 'set spf_admitted 1'],
  ['keeps an admission over a new certificate', 'set spf_admitted 0', 'set spf_same 0', 2],
  [
    'admits at the certificate',
    'when CLIENTSSL_CLIENTCERT priority 1 {\n    set spf_admitted 0',
    'when CLIENTSSL_CLIENTCERT priority 1 {\n    set spf_admitted 1',
  ],
  ['lets a rejected certificate go on', 'if {$spf_passes ne "1"} {', 'if {0} {'],
  ['lets a rejected handshake go on', 'if {$spf_passes ne "1"} {', 'if {0} {', 2],
  ['keeps the session of a rejected caller', '        SSL::session invalidate\n', ''],
  ['keeps the resumed session of a rejected caller', '        SSL::session invalidate\n', '', 2],
  ['does not reject', '        reject\n        event', '        event'],
  ['lets later events run', '        event disable all\n', ''],
  ['has no last gate', 'if {$spf_admitted ne "1"} {', 'if {0} {'],
  ['goes on without a certificate', 'if {[SSL::cert count] < 1} {', 'if {0} {'],
  ['does not ask whether the certificate verified', 'if {[SSL::verify_result] != 0} {', 'if {0} {'],
  ['reads the last certificate', '[SSL::cert 0]', '[SSL::cert [expr {[SSL::cert count] - 1}]]'],
  ['passes a certificate that cannot be read', 'return [list 0 $id ""]', 'return [list 1 "" $id]'],
  [
    'accepts every trust domain',
    'equals "${name}_settings"] ne "1"} {',
    'equals "${name}_settings"] eq "x"} {',
  ],
  [
    'accepts a trust domain of any value',
    'ne "1"} {\n        return [list 0 "trust-domain"]',
    'eq ""} {\n        return [list 0 "trust-domain"]',
  ],
  ['forgets the deny group', 'set reason "denied"', 'set reason ""'],
  ['reads the allow group for deny', '"${name}_deny"', '"${name}_allow"'],
  ['lets allow win', 'if {$reason eq ""} {\n        foreach key', 'if {1} {\n        foreach key'],
  ['admits who is not listed', 'set reason "not-listed"', 'return [list 1 ""]'],
  [
    'has no patterns',
    'lappend keys "spiffe://$trust_domain/ns/$namespace/sa/*"',
    'list "spiffe://$trust_domain/ns/$namespace/sa/*"',
  ],
  ['takes patterns for deeper paths', '/sa/[^/]+\\Z} $path', '/sa/.+\\Z} $path'],
  ['takes patterns further in', '{\\A/ns/([^/]+)', '{/ns/([^/]+)'],
  ['takes patterns for other kinds', '/ns/([^/]+)/sa/[^/]+\\Z', '/ns/([^/]+)/[^/]+/[^/]+\\Z'],
  ['is always in audit mode', 'equals "${name}_settings"] eq "audit"}', 'equals "${name}_settings"] ne "x"}'],
  ['takes every mode but enforce for audit', 'eq "audit"}', 'ne "enforce"}'],
  ['never is in audit mode', 'eq "audit"}', 'eq "never"}'],
  [
    'lets another trust domain pass in audit mode',
    'return [list 0 "trust-domain"]',
    'set keys [list]; return [list [expr {[class match -value -- "mode" equals "${name}_settings"] eq "audit"}] "trust-domain"]',
  ],
  ['takes upper case', '//[a-z0-9._-]+', '//[A-Za-z0-9._-]+'],
  ['takes a longer trust domain', 'if {[string length $trust_domain] > 255} {', 'if {0} {'],
  ['takes a trust domain of one byte more', '$trust_domain] > 255', '$trust_domain] > 256'],
  ['takes an empty trust domain', '//[a-z0-9._-]+', '//[a-z0-9._-]*'],
  ['takes text before the scheme', '{\\Aspiffe://', '{spiffe://'],
  ['takes text after the path', '._-]+)+\\Z}', '._-]+)+}'],
  ['takes an ID without a path', '+)+\\Z} $id', '+)*\\Z} $id'],
  ['takes relative segments', 'if {[regexp {/[.][.]?(?:/|\\Z)} $path]} {', 'if {0} {'],
  ['takes a single dot', '[.][.]?', '[.][.]'],
  ['takes IDs of any length', 'if {[string length $id] > 2048} {', 'if {0} {'],
  ['takes percent signs', '(?:/[A-Za-z0-9._-]+)+', '(?:/[A-Za-z0-9._%-]+)+'],
  ['takes certificates of any size', 'if {$size > 16384} {', 'if {0} {'],
  ['reads any number of elements', 'if {[llength $elements] >= 3 * $limit} {', 'if {0} {'],
  ['counts elements of names twice as cheap', 'set left 400', 'set left 800'],
  [
    'takes lengths in a longer form',
    'if {$length < 0x80 || ($octets > 1 && $length >> (8 * ($octets - 1)) == 0)} {',
    'if {0} {',
  ],
  ['takes long forms of short lengths', '$length < 0x80 || ', ''],
  ['takes lengths past the end', 'if {$from > $to} {', 'if {0} {'],
  ['scans lengths as signed', '($byte & 0xff)', '$byte'],
  ['scans tags as signed', 'set tag [expr {$tag & 0xff}]', 'set tag $tag'],
  [
    'takes more than a certificate',
    'if {[llength $elements] != 3 || [lindex $elements 0] != 0x30} {\n        error "malformed"\n    }\n    set elements [call spf_elements $der [lindex $elements 1]',
    'set elements [call spf_elements $der [lindex $elements 1]',
  ],
  ['does not look at the fields', 'if {![regexp {\\A(160 )?2 48', 'if {0 && ![regexp {\\A(160 )?2 48'],
  ['takes fields in any order', '( 129)?( 130)?( 163)?\\Z', '( 129| 130| 163)*\\Z'],
  [
    'takes an extension with anything behind',
    'if {[llength $members] != 6 ||',
    'if {[llength $members] < 6 ||',
  ],
  [
    'takes extensions of any tag',
    'if {$tag != 0x30} {\n            error "malformed"\n        }\n        set members',
    'set members',
  ],
  ['takes any BOOLEAN for true', 'ff { return 1 }', 'default { return 1 }'],
  [
    'reads a longer OID as the SAN',
    'set oid [call spf_hex $der [lindex $members 1] [lindex $members 2]]',
    'set oid [string range [call spf_hex $der [lindex $members 1] [lindex $members 2]] 0 5]',
  ],
  ['takes two SANs', 'if {$san_count > 1} {', 'if {0} {'],
  ['takes the first of two URIs', 'if {[llength $uris] > 2} {', 'if {0} {'],
  ['reads DNS names as URIs', '134 { lappend', '134 - 130 { lappend'],
  [
    'takes unknown kinds of names',
    'default { error "malformed" }\n        }\n    }\n    return $uris',
    'default { }\n        }\n    }\n    return $uris',
  ],
  [
    'takes what follows the names',
    'if {[llength $inner] != 3 || [lindex $inner 0] != $inner_tag} {',
    'if {[lindex $inner 0] != $inner_tag} {',
  ],
  ['takes any tag for the names', '|| [lindex $inner 0] != $inner_tag} {', '} {'],
  ['takes a CA', 'if {[info exists value(551d13)] && $value(551d13)} {', 'if {0} {'],
  [
    'takes a certificate without keyUsage',
    '![info exists value(551d0f)] || !$value(551d0f)',
    '[info exists value(551d0f)] && !$value(551d0f)',
  ],
  ['takes keyUsage that is not critical', '$is_critical && $suits', '$suits'],
  ['takes keyCertSign', '($bits & 0x86)', '($bits & 0x82)'],
  ['takes cRLSign', '($bits & 0x86)', '($bits & 0x84)'],
  ['takes no digitalSignature', '($bits & 0x86) == 0x80', '($bits & 0x06) == 0'],
  ['takes any number of unused bits', 'if {$unused < 0 || $unused > 7} {', 'if {0} {'],
  ['takes one extended usage', '$server && $client', '$server || $client'],
  ['does not look at extended usages', 'if {[info exists value(551d25)] && !$value(551d25)} {', 'if {0} {'],
  ['takes a SAN that is not critical', 'if {$subject_is_empty && !$is_san_critical} {', 'if {0} {'],
  ['takes unknown critical extensions', 'if {$is_unknown_critical} {', 'if {0} {'],
  ['takes basicConstraints twice', '$oid ne "551d11" && [info exists value($oid)]', '0'],
  ['logs an ID of any length', '[string length $id] > 700', '0'],
  ['counts nothing', 'catch { ISTATS::incr', 'catch { ISTATS::get'],
  ['counts rejections in one number', 'append counter "_[string map {- _} $reason]"', 'set counter $counter'],
  ['counts nothing for the agent', 'catch { STATS::incr "[virtual name]_counters" $outcome 1 }', ''],
  [
    'counts a rejection twice',
    '_counters" $outcome 1',
    '_counters" $outcome 1; STATS::incr "[virtual name]_counters" $outcome 1',
  ],
  [
    'fails where it cannot count',
    'catch { STATS::incr "[virtual name]_counters" $outcome 1 }',
    'STATS::incr "[virtual name]_counters" $outcome 1',
  ],
  [
    'fails where it cannot count old roots',
    'catch { STATS::incr "[virtual name]_counters" "retiring" 1 }',
    'STATS::incr "[virtual name]_counters" "retiring" 1',
  ],
  ['does not count old roots', 'if {$spf_retiring ne "0"} {', 'if {0} {'],
  [
    'looks for old roots when none is to go',
    '"retiring" equals $settings] ne "1"',
    '"retiring" equals $settings] eq "x"',
  ],
  ['takes a chain that cannot be read for a new one', 'set spf_retiring 1', 'set spf_retiring 0'],
  [
    'looks at the leaf alone',
    'if {$count > 10} {\n        set count 10',
    'if {$count > 1} {\n        set count 1',
  ],
  ['follows chains of any length', 'if {$count > 10} {', 'if {0} {'],
  ['does not ask whether a chain hangs together', '$subject ne $issued_by', '0'],
  ['takes any root at the end for that of the chain', '$subject eq $issuer || ', ''],
  ['does not look at key identifiers', 'if {$key ne ""} {', 'if {0} {'],
  ['looks at key identifiers only', 'set root "root-dn/$name"', 'set root "root-dn/"'],
  ['reads another extension as the issuer’s key', 'ne "551d23"', 'ne "551d0e"'],
  ['never looks again', 'set spf_timer [after', 'set spf_timer [list'],
  ['looks again once', '-periodic ', ''],
  ['looks again a thousand times too often', '$spf_recheck * 1000', '$spf_recheck'],
  ['starts a timer for each handshake', ' && ![info exists spf_timer]', ''],
  ['takes any text for recheck', 'if {![regexp {\\A[1-9][0-9]{0,4}\\Z} $spf_recheck]} {', 'if {0} {'],
  [
    'keeps a connection whose caller may no longer',
    '                reject\n                call',
    '                call',
  ],
  [
    'keeps a connection when it cannot look',
    'set spf_admission [list 0 $spf_admission]',
    'set spf_admission [list 1 $spf_admission]',
  ],
];

describe('the tests of the rule', () => {
  let bench: RuleBench;
  let text: string;
  before(async () => {
    bench = await RuleBench.start();
    text = await loadRule();
  });
  after(() => bench.close());

  it('are tried with at least 25 faults, no two of them alike', () => {
    assert.ok(mutants.length >= 25, String(mutants.length));
    const texts = mutants.map(([, from, to, occurrence = 1]) => JSON.stringify([from, to, occurrence]));
    assert.equal(new Set(texts).size, mutants.length);
  });

  for (const [name, from, to, occurrence = 1] of mutants) {
    it(`notice a rule that ${name}`, async () => {
      const parts = text.split(from);
      assert.ok(parts.length > occurrence, `"${from}" stands in the rule ${parts.length - 1} times`);
      const mutant = `${parts.slice(0, occurrence).join(from)}${to}${parts.slice(occurrence).join(from)}`;
      assert.deepEqual(checkRuleText(mutant), [], 'the mutant loads');
      assert.ok(await isNoticed(bench.withRule(mutant)), 'no test notices');
    });
  }
});

async function isNoticed(mutant: RuleBench): Promise<boolean> {
  for (const { check } of conformanceCases) {
    try {
      await check(mutant);
    } catch {
      return true;
    }
  }
  return false;
}
