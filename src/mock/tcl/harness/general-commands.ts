/** Tcl: iStats, `after`, text; and the table of all commands, so this part comes last. */
export const generalCommandsTcl = String.raw`
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
            if {$args eq "-current"} { set args [list $::tmm::now(timer)] }
            foreach id $args {
                unset -nocomplain ::tmm::timer($flow,$id)
                ::tmm::effect cancel $id
            }
            return
        }
        info {
            set ids {}
            foreach name [array names ::tmm::timer $flow,*] { lappend ids [lindex [split $name ,] end] }
            return $ids
        }
    }
    if {![string is integer -strict $first] || $first < 0} { error "bad argument \"$first\": must be cancel, info, or a number" }
    set is_periodic [expr {[lindex $args 0] eq "-periodic"}]
    if {$is_periodic} { set args [lrange $args 1 end] }
    if {[llength $args] != 1} { error "after without a script is not implemented by the mock" }
    set id after#[incr timer_count]
    set ::tmm::timer($flow,$id) [list $::tmm::now(key) $::tmm::now(event) [lindex $args 0] $is_periodic]
    ::tmm::effect after $id $first $is_periodic
    return $id
}

# By hand, because binary encode came with Tcl 8.6.
set ::tmm::base64 ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/

proc ::tmm::command::b64encode {text} {
    binary scan [encoding convertto iso8859-1 $text] B* bits
    set length [string length $bits]
    append bits [string repeat 0 [expr {(6 - $length % 6) % 6}]]
    set encoded ""
    for {set at 0} {$at < $length} {incr at 6} {
        set value 0
        foreach bit [split [string range $bits $at [expr {$at + 5}]] ""] { set value [expr {$value * 2 + $bit}] }
        append encoded [string index $::tmm::base64 $value]
    }
    return $encoded[string repeat = [expr {(4 - [string length $encoded] % 4) % 4}]]
}

proc ::tmm::command::b64decode {text} {
    set bits ""
    foreach character [split [string trimright [regsub -all {\s} $text ""] =] ""] {
        set value [string first $character $::tmm::base64]
        if {$value < 0} { error "invalid base64 character \"$character\"" }
        for {set bit 5} {$bit >= 0} {incr bit -1} { append bits [expr {($value >> $bit) & 1}] }
    }
    return [binary format B[expr {[string length $bits] / 8 * 8}] $bits]
}

proc ::tmm::command::findstr {text what {skip 0} {end ""}} {
    set at [string first $what $text]
    if {$at < 0} { return "" }
    set rest [string range $text [expr {$at + $skip}] end]
    if {$end eq ""} { return $rest }
    if {[string is integer -strict $end]} { return [string range $rest 0 [expr {$end - 1}]] }
    set stop [string first $end $rest]
    return [expr {$stop < 0 ? $rest : [string range $rest 0 [expr {$stop - 1}]]}]
}

proc ::tmm::command::getfield {text separator number} {
    for {set index 1} {$index < $number} {incr index} {
        set at [string first $separator $text]
        if {$at < 0} { return "" }
        set text [string range $text [expr {$at + [string length $separator]}] end]
    }
    set at [string first $separator $text]
    return [expr {$at < 0 ? $text : [string range $text 0 [expr {$at - 1}]]}]
}

# Each command of a rule, and the procedure above that stands in for it, with its first words.
namespace eval ::tmm {
    variable commands {}
    foreach name {log reject drop event virtual class after b64encode b64decode findstr getfield} { lappend commands $name $name }
    foreach name {cert verify_result session sessionid cipher} { lappend commands SSL::$name SSL_$name }
    foreach name {incr get set remove} { lappend commands ISTATS::$name ISTATS_$name }
    lappend commands X509::verify_cert_error_string X509_verify_cert_error_string
    lappend commands TCP::close TCP_close IP::protocol IP_protocol
    foreach layer {SSL TCP} {
        foreach name {collect release payload} {
            proc command::$layer.$name {args} [format {::tmm::command::%s %s {*}$args} $name $layer]
            lappend commands $layer\::$name $layer.$name
        }
    }
    foreach name {whole subject issuer serial_number hash version not_valid_before not_valid_after} {
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
