/** Tcl: iStats, `after`; and the table of all commands, so this part comes last. */
export const generalCommandsTcl = String.raw`
namespace eval ::tmm {
    # iStats, by key.
    variable istats
    array set istats {}
    # Of scripts that a rule put off, in all connections.
    variable timer_count 0
}

proc ::tmm::command::ISTATS_incr {key number} {
    upvar #0 ::tmm::istats($key) value
    if {![regexp {^\S+ \S+ (counter|gauge) \S+$} $key whole kind]} { error "invalid iStats key \"$key\"" }
    if {![string is integer -strict $number] || ($kind eq "counter" && $number < 0)} { error "invalid increment \"$number\"" }
    if {![info exists value]} { set value 0 }
    incr value $number
    return
}

proc ::tmm::command::ISTATS_get {key} {
    upvar #0 ::tmm::istats($key) value
    return [expr {[info exists value] ? $value : ""}]
}

proc ::tmm::command::ISTATS_set {key value} { set ::tmm::istats($key) $value; return }
proc ::tmm::command::ISTATS_remove {key} { unset -nocomplain ::tmm::istats($key); return }

proc ::tmm::command::after {first args} {
    variable ::tmm::timer_count
    set flow $::tmm::now(flow)
    switch -exact -- $first {
        cancel {
            if {[llength $args] == 0} { ::tmm::usage "after cancel -current|ID ?ID...?" }
            if {$args eq "-current"} { set args [list $::tmm::now(timer)] }
            foreach id $args {
                unset -nocomplain ::tmm::timer($flow,$id)
                ::tmm::effect cancel $id
            }
            return
        }
        info {
            if {[llength $args] == 0} {
                set ids {}
                foreach name [array names ::tmm::timer $flow,*] { lappend ids [lindex [split $name ,] end] }
                return [lsort -dictionary $ids]
            }
            if {[llength $args] != 1} { ::tmm::usage "after info ?ID?" }
            if {![info exists ::tmm::timer($flow,$args)]} { error "event \"$args\" doesn't exist" }
            foreach {key event script is_periodic} $::tmm::timer($flow,$args) { break }
            return [list $script [expr {$is_periodic ? "periodic" : "timer"}]]
        }
    }
    if {![string is integer -strict $first] || $first < 0} { error "bad argument \"$first\": must be cancel, info, or a number" }
    set is_periodic [expr {[lindex $args 0] eq "-periodic"}]
    if {$is_periodic} { set args [lrange $args 1 end] }
    if {[llength $args] == 0} {
        # TMM suspends this connection alone; here all of them wait, so it may not be long.
        if {$first > $::tmm::time_limit_ms} { error "after: the mock waits $::tmm::time_limit_ms ms at most" }
        ::tmm::extend_time_limit $first
        ::after $first
        return
    }
    if {[llength $args] != 1} { ::tmm::usage "after MILLISECONDS ?-periodic? ?SCRIPT?" }
    set id after#[incr timer_count]
    set ::tmm::timer($flow,$id) [list $::tmm::now(key) $::tmm::now(event) [lindex $args 0] $is_periodic]
    ::tmm::effect after $id $first $is_periodic
    return $id
}

# Each command of a rule, and the procedure above that stands in for it, with its first words.
namespace eval ::tmm {
    variable commands {}
    foreach name {
        log reject drop discard event virtual class table after
        b64encode b64decode crc32 domain findstr getfield md5 sha1 sha256 substr
    } { lappend commands $name $name }
    foreach name {cert verify_result session sessionid cipher extensions handshake sni} { lappend commands SSL::$name SSL_$name }
    foreach name {incr get set remove} { lappend commands ISTATS::$name ISTATS_$name }
    foreach name {incr get set setmax setmin} { lappend commands STATS::$name STATS_$name }
    lappend commands X509::subject X509_subject
    lappend commands X509::verify_cert_error_string X509_verify_cert_error_string
    lappend commands TCP::close TCP_close IP::protocol IP_protocol IP::addr IP_addr X509::pem2der X509_pem2der
    foreach name {open send} { lappend commands HSL::$name HSL_$name }
    foreach layer {SSL TCP} {
        foreach name {collect release payload} {
            proc command::$layer.$name {args} [format {::tmm::command::%s %s {*}$args} $name $layer]
            lappend commands $layer\::$name $layer.$name
        }
    }
    foreach name {whole extensions issuer serial_number hash version not_valid_before not_valid_after} {
        proc command::X509.$name {der args} [format {::tmm::command::X509 %s $der {*}$args} $name]
        lappend commands X509::$name X509.$name
    }
    foreach name {
        IP::client_addr IP::local_addr IP::remote_addr IP::server_addr
        TCP::client_port TCP::local_port TCP::remote_port TCP::server_port
        LB::server
    } {
        set procedure at.[string map {:: .} $name]
        proc command::$procedure {args} [format {::tmm::command::address %s {*}$args} $name]
        lappend commands $name $procedure
    }
}
`;
