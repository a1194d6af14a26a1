export const textMethodNames = ['fixed39', 'fixed47', 'regexFirst', 'strictText'] as const;

/**
 * The public ways to cut a SPIFFE ID out of the text of `X509::extensions`, as a rule would write them. They are here
 * to be measured beside the rule that ships, and are unsafe: see test/unit/explain/text-parsers.ts for the same four
 * and for what fools them.
 */
export const textMethodsTcl = String.raw`
proc fixed39 {text} {
    return [string trim [findstr $text "Subject Alternative Name" 39 ","]]
}

proc fixed47 {text} {
    return [string trim [findstr $text "Subject Alternative Name" 47 ","]]
}

proc regexFirst {text} {
    set id ""
    regexp {URI:(spiffe://[^,\s]+)} $text whole id
    return $id
}

proc strictText {text} {
    set lines [split $text "\n"]
    set places [lsearch -all -regexp $lines {^    X509v3 Subject Alternative Name: ?(critical)?$}]
    if {[llength $places] != 1} {
        return ""
    }
    set value [lindex $lines [expr {$places + 1}]]
    set next [lindex $lines [expr {$places + 2}]]
    if {![string match "        *" $value] || ($next ne "" && ![string match "    *" $next])} {
        return ""
    }
    set uris [list]
    set rest "[string range $value 8 end], "
    while {$rest ne ""} {
        set comma [string first ", " $rest]
        set entry [string range $rest 0 [expr {$comma - 1}]]
        set rest [string range $rest [expr {$comma + 2}] end]
        if {[string match "URI:*" $entry]} {
            lappend uris [string range $entry 4 end]
        }
    }
    if {[llength $uris] != 1} {
        return ""
    }
    set id [lindex $uris 0]
    if {![regexp {^spiffe://[a-z0-9._-]+(?:/[A-Za-z0-9._-]+)+$} $id] || [string first "/" $id 9] > 264} {
        return ""
    }
    return $id
}
`;
