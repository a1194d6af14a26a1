/** Tcl: the events, timers and time limit of connections, and what their rules ask for. */
export const flowsTcl = String.raw`
namespace eval ::tmm {
    # Facts of each connection: FLOW,NAME.
    variable fact
    array set fact {}
    # What the event under way has asked for.
    variable effects {}
    # Where the code under way belongs.
    variable now
    array set now {flow "" key "" event ""}
    variable time_limit_ms 2000
}

proc ::tmm::effect {args} {
    variable effects
    lappend effects $args
}

proc ::tmm::open_flow {flow keys} {
    variable fact
    set fact($flow,interpreter) [take_interpreter]
    set fact($flow,rules) $keys
    set fact($flow,events_off) {}
}

proc ::tmm::close_flow {flow} {
    variable fact
    variable timer
    give_back_interpreter $fact($flow,interpreter)
    array unset fact $flow,*
    array unset timer $flow,*
}

proc ::tmm::set_facts {flow facts} {
    variable fact
    foreach {name value} $facts { set fact($flow,$name) $value }
}

# Runs an event of a connection in all its rules, lower priorities first, and answers with what they asked for.
proc ::tmm::run_event {flow event facts} {
    variable rule
    variable fact
    variable effects {}
    set_facts $flow $facts
    set handlers {}
    foreach key $fact($flow,rules) {
        foreach handler $rule($key,handlers) {
            if {[lindex $handler 0] eq $event} {
                lappend handlers [list [lindex $handler 1] $key [lindex $handler 2]]
            }
        }
    }
    foreach handler [lsort -integer -index 0 $handlers] {
        if {[lsearch -exact $fact($flow,events_off) all] >= 0 || [lsearch -exact $fact($flow,events_off) $event] >= 0} {
            break
        }
        if {![run_script $flow [lindex $handler 1] $event [lindex $handler 2]]} { break }
    }
    return $effects
}

proc ::tmm::run_timer {flow id now_ms} {
    variable timer
    variable effects {}
    set_facts $flow [list now_ms $now_ms]
    if {[info exists timer($flow,$id)]} {
        foreach {key event script is_periodic} $timer($flow,$id) { break }
        if {!$is_periodic} { unset timer($flow,$id) }
        run_script $flow $key $event $script $id
    }
    return $effects
}

proc ::tmm::run_script {flow key event script {timer_id ""}} {
    variable now
    variable rule
    variable fact
    variable time_limit_ms
    set child $fact($flow,interpreter)
    array set now [list flow $flow key $key event $event timer $timer_id]
    interp eval $child [list set ::tmm::rule $key]
    write_static $child
    effect run $rule($key,path) $event
    variable until [expr {[clock milliseconds] + $time_limit_ms}]
    limit_time $child
    set code [catch { interp eval $child $script } message options]
    interp limit $child time -seconds {}
    read_static $child
    switch -exact -- $code {
        0 - 2 { return 1 }
        1 { set trace [dict get $options -errorinfo] }
        default {
            set message [expr {$code == 3 ? {invoked "break" outside of a loop} : {invoked "continue" outside of a loop}}]
            set trace $message
        }
    }
    set command ""
    if {[regexp -indices {\n    (?:while executing|invoked from within)\n"} $trace at]} {
        regexp {^(.*?)"(?:\n    [\(i]|$)} [string range $trace [lindex $at 1]+1 end] whole command
    }
    effect error $rule($key,path) $event $message $command
    return 0
}

proc ::tmm::limit_time {child} {
    variable until
    interp limit $child time -seconds [expr {$until / 1000}] -milliseconds [expr {$until % 1000}]
}

# Time in which a rule waits on purpose is not held against it.
proc ::tmm::extend_time_limit {ms} {
    variable until
    variable fact
    variable now
    incr until $ms
    limit_time $fact($now(flow),interpreter)
}
`;
