/** Tcl: high-speed logging. What is sent goes to a pool member as it is; nothing formats it. */
export const highSpeedLoggingCommandsTcl = String.raw`
namespace eval ::tmm {
    # Full paths of the pools and log publishers that there are.
    variable pools {}
    variable publishers {}
}

proc ::tmm::command::HSL_open {args} {
    variable ::tmm::pools
    array set option {-proto "" -pool "" -publisher ""}
    foreach {name value} $args {
        if {![info exists option($name)] || [llength $args] % 2} { ::tmm::usage "HSL::open -publisher PUBLISHER | -proto UDP|TCP -pool POOL" }
        set option($name) $value
    }
    if {$option(-publisher) ne ""} {
        set publisher $option(-publisher)
        if {![string match "/*" $publisher]} { set publisher "/Common/$publisher" }
        if {[lsearch -exact $::tmm::publishers $publisher] < 0} { error "publisher \"$option(-publisher)\" not found" }
        return [list hsl publisher $publisher]
    }
    if {$option(-proto) ne "UDP" && $option(-proto) ne "TCP"} { error "bad protocol \"$option(-proto)\": must be TCP or UDP" }
    set pool $option(-pool)
    if {![string match "/*" $pool]} { set pool "/Common/$pool" }
    if {[lsearch -exact $pools $pool] < 0} { error "pool \"$option(-pool)\" not found" }
    return [list hsl $option(-proto) $pool]
}

proc ::tmm::command::HSL_send {handle data} {
    if {[llength $handle] != 3 || [lindex $handle 0] ne "hsl"} { error "invalid handle \"$handle\"" }
    if {[lsearch -exact [concat $::tmm::pools $::tmm::publishers] [lindex $handle 2]] < 0} { return 0 }
    ::tmm::effect high_speed_log [lindex $handle 1] [lindex $handle 2] $data
    return 1
}
`;
