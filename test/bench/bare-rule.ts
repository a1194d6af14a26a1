import { spawnSync } from 'node:child_process';

/**
 * What stands in for the device: procedures are called by their names, as `call` does there without a detour through
 * Tcl, and look-ups are one array access.
 */
const surroundings = String.raw`
namespace eval SSL { }
proc when {args} { }
proc virtual {what} { return /mesh/echo }
proc SSL::verify_result {} { return 0 }
proc SSL::cert {what} { if {$what eq "count"} { return 1 } else { return $::der } }
proc class {match args} {
    foreach {dashes item operator group} [lrange $args end-3 end] { break }
    set wants_value [expr {[lindex $args 0] eq "-value"}]
    if {![info exists ::records($group,$item)]} { return [expr {$wants_value ? "" : 0}] }
    return [expr {$wants_value ? $::records($group,$item) : 1}]
}
proc least {rounds times command} {
    set best ""
    for {set round 0} {$round < $rounds} {incr round} {
        set taken [lindex [uplevel #0 [list time $command $times]] 0]
        if {$best eq "" || $taken < $best} { set best $taken }
    }
    return $best
}
`;

export interface BareCost {
  readonly decisionMicroseconds: number;
  /** Of that, finding the ID in the certificate. */
  readonly identityMicroseconds: number;
}

/**
 * The rule's own cost in a bare `tclsh`, without the mock's harness: nothing watches its time, no interpreter is safe,
 * no command of Tcl is replaced.
 *
 * @param spiffeId is on the allowlist, alone.
 */
export function measureBareRule(ruleText: string, certificate: Buffer, spiffeId: string): BareCost {
  const domain = spiffeId.split('/')[2] ?? '';
  const script = `
${surroundings}
set der [binary format H* ${certificate.toString('hex')}]
array set records {
    /mesh/echo_allow,${spiffeId} allow
    /mesh/echo_settings,trust-domain/${domain} 1
    /mesh/echo_settings,mode enforce
}
${ruleText.replaceAll(/\bcall (spf_)/g, '$1')}
if {[spf_decide] ne [list 1 "" "${spiffeId}"]} { error "the rule does not admit: [spf_decide]" }
puts [list [least 60 30 spf_decide] [least 60 30 {spf_identity $der}]]
`;
  const { stdout, stderr, status } = spawnSync('tclsh', { input: script, encoding: 'utf8' });
  const [decisionMicroseconds = Number.NaN, identityMicroseconds = Number.NaN] = stdout
    .trim()
    .split(' ')
    .map(Number);
  if (status !== 0 || Number.isNaN(identityMicroseconds)) throw new Error(`tclsh: ${stderr}`);
  return { decisionMicroseconds, identityMicroseconds };
}
