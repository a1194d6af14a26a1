/**
 * Tcl: `STATS::*` on the statistics profiles of the connection's virtual server.
 *
 * A profile that the virtual server does not carry, or a name that none of its fields has, is a TCL error
 * (clouddocs.f5.com/api/irules/STATS__incr.html says that it must be applied, and that fields go by name); the words of
 * the error are the mock's own.
 */
export const statisticsCommandsTcl = String.raw`
namespace eval ::tmm {
    # Values, by PROFILE and FIELD; fields that are not here do not exist.
    variable statistics
    array set statistics {}
}

# Makes the fields of a profile what is listed; those that it had keep their values.
proc ::tmm::set_statistics_profile {path fields} {
    variable statistics
    foreach key [array names statistics] {
        if {[lindex $key 0] eq $path && [lsearch -exact $fields [lindex $key 1]] < 0} { unset statistics($key) }
    }
    foreach field $fields {
        set key [list $path $field]
        if {![info exists statistics($key)]} { set statistics($key) 0 }
    }
}

# The variable that holds the value of a field.
proc ::tmm::statistic {profile field} {
    variable statistics
    if {![string match "/*" $profile]} { set profile "/Common/$profile" }
    if {[lsearch -exact [split [fact statistics_profiles] " "] $profile] < 0} {
        error "statistics profile \"$profile\" is not applied to virtual server \"[fact virtual]\""
    }
    set key [list $profile $field]
    if {![info exists statistics($key)]} { error "statistics profile \"$profile\" has no field \"$field\"" }
    return $key
}

proc ::tmm::put_statistic {key value} {
    variable statistics
    if {![string is integer -strict $value]} { error "expected integer but got \"$value\"" }
    set statistics($key) $value
    effect count [lindex $key 0] [lindex $key 1] $value
    return $value
}

proc ::tmm::command::STATS_incr {profile field {by 1}} {
    set key [::tmm::statistic $profile $field]
    if {![string is integer -strict $by]} { error "expected integer but got \"$by\"" }
    return [::tmm::put_statistic $key [expr {$::tmm::statistics($key) + $by}]]
}

proc ::tmm::command::STATS_get {profile field} {
    return $::tmm::statistics([::tmm::statistic $profile $field])
}

proc ::tmm::command::STATS_set {profile field {value 0}} {
    return [::tmm::put_statistic [::tmm::statistic $profile $field] $value]
}

# No less than the value from now on; setmin: no more than it.
proc ::tmm::command::STATS_setmax {profile field value} {
    set key [::tmm::statistic $profile $field]
    if {![string is integer -strict $value]} { error "expected integer but got \"$value\"" }
    if {$value <= $::tmm::statistics($key)} { return $::tmm::statistics($key) }
    return [::tmm::put_statistic $key $value]
}

proc ::tmm::command::STATS_setmin {profile field value} {
    set key [::tmm::statistic $profile $field]
    if {![string is integer -strict $value]} { error "expected integer but got \"$value\"" }
    if {$value >= $::tmm::statistics($key)} { return $::tmm::statistics($key) }
    return [::tmm::put_statistic $key $value]
}
`;
