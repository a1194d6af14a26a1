/** Tcl: rules, connections with an interpreter each, events and timers. */
export const flowsTcl = String.raw`
namespace eval ::tmm {
    # Commands that TMM disables, and commands of Tcl after 8.4.
    variable disabled {
        auto_execok auto_import auto_load auto_qualify cd eof exec exit fblocked fconfigure fcopy file flush gets
        glob interp load namespace open package pid pwd rename seek socket source tell time unknown update vwait
    }
    variable later {
        apply chan close coroutine dict encoding fileevent lassign lmap lrepeat lreverse read tailcall throw try
        unload yield yieldto zlib
    }
    variable time_limit_ms 2000
    # Rules by key: path, list of EVENT PRIORITY BODY, procs as NAME {PARAMETERS BODY}.
    variable rule
    array set rule {}
    # Key of the version of a rule that calls from other rules reach.
    variable current_key
    array set current_key {}
    # static:: variables, by name: whether it is an array, and its value.
    variable static
    array set static {}
    # iStats, by key.
    variable istats
    array set istats {}
    # Type of each data group, by path; its records are the array ::data_group::PATH.
    variable data_group_type
    array set data_group_type {}
    # Facts of each connection: FLOW,NAME.
    variable fact
    array set fact {}
    # What the event under way has asked for.
    variable effects {}
    # Where the code under way belongs.
    variable now
    array set now {flow "" key "" event ""}
    variable timer_count 0
    # Full paths of the pools and log publishers that there are.
    variable pools {}
    variable publishers {}
    # Interpreters that no connection has.
    variable idle {}
}
namespace eval ::data_group {}

proc ::tmm::effect {args} {
    variable effects
    lappend effects $args
}


proc ::tmm::when {key event args} {
    variable loading
    if {[llength $args] % 2 == 0} { error "wrong # args: should be \"when EVENT ?priority N? ?timing on|off? BODY\"" }
    set priority 500
    foreach {word value} [lrange $args 0 end-1] {
        switch -exact -- $word {
            priority { set priority $value }
            timing { }
            default { error "unexpected extra argument \"$word\"" }
        }
    }
    lappend loading(handlers) [list $event $priority [lindex $args end]]
}

proc ::tmm::load_rule {key path text} {
    variable rule
    variable loading
    variable current_key
    array unset loading
    array set loading {handlers {} procs {}}
    set loader [interp create -safe]
    foreach command [interp eval $loader { info commands }] { interp hide $loader $command }
    interp alias $loader when {} ::tmm::when $key
    interp alias $loader proc {} ::tmm::collect_proc
    interp alias $loader timing {} ::tmm::nothing
    interp alias $loader priority {} ::tmm::nothing
    set failed [catch { interp eval $loader $text } message]
    interp delete $loader
    if {$failed == 1} { error $message }
    set rule($key,path) $path
    set rule($key,handlers) $loading(handlers)
    set rule($key,procs) $loading(procs)
    set current_key($path) $key
    set initial [lsearch -inline -index 0 -exact $loading(handlers) RULE_INIT]
    if {$initial ne ""} {
        open_flow init-$key [list $key]
        set groups [run_event init-$key RULE_INIT {}]
        close_flow init-$key
        return $groups
    }
    return {}
}

proc ::tmm::collect_proc {name parameters body} {
    variable loading
    lappend loading(procs) $name [list $parameters $body]
}

proc ::tmm::nothing {args} {}

# An interpreter with what TMM's Tcl has. Making one takes longer than most events, so those of connections that
# ended serve again: their procedures are compiled already, and variables are all that a rule can leave in them.
proc ::tmm::take_interpreter {} {
    variable idle
    variable disabled
    variable later
    variable commands
    variable baseline
    if {[llength $idle]} {
        set child [lindex $idle end]
        set idle [lrange $idle 0 end-1]
        return $child
    }
    set child [interp create -safe]
    interp eval $child {
        # Not each of them is an ensemble in Tcl 8.5.
        foreach {command later} {
            string {reverse cat insert}
            binary {encode decode}
            info {frame coroutine class object errorstack}
        } {
            catch {
                set map [namespace ensemble configure $command -map]
                foreach word $later { dict unset map $word }
                namespace ensemble configure $command -map $map
            }
        }
        unset -nocomplain command later map word
        namespace eval static {}
        namespace eval tmm { variable rule "" }
        # What F5's word operators are written as when a rule is loaded.
        proc ::tcl::mathfunc::f5_contains {text part} { expr {[string first $part $text] >= 0} }
        proc ::tcl::mathfunc::f5_starts_with {text part} { string equal -length [string length $part] $text $part }
        proc ::tcl::mathfunc::f5_ends_with {text part} {
            string equal [string range $text end-[expr {[string length $part] - 1}] end] $part
        }
        proc ::tcl::mathfunc::f5_matches_glob {text pattern} { string match $pattern $text }
        proc ::tcl::mathfunc::f5_matches_regex {text pattern} { regexp -- $pattern $text }
        rename puts {}
        proc puts {args} {}
        # Tcl 8.4 refuses to count on a variable that is not there.
        rename incr ::tmm::incr
        proc incr {name {by 1}} {
            upvar 1 $name value
            if {![info exists value]} { error "can't read \"$name\": no such variable" }
            ::tmm::incr value $by
        }
        # A rule's own procedures, once they are made, need neither the parent nor another rule's name.
        proc call {name args} {
            if {![catch { set ::tmm::own($::tmm::rule,$name) } command]} {
                return [uplevel 1 [linsert $args 0 $command]]
            }
            set caller $::tmm::rule
            set code [catch { uplevel 1 [linsert $args 0 [::tmm::procedure $caller $name]] } result options]
            set ::tmm::rule $caller
            return -options $options $result
        }
    }
    foreach command [concat $disabled $later] {
        if {[llength [interp eval $child [list info commands $command]]]} { interp hide $child $command }
    }
    foreach {name implementation} $commands {
        interp alias $child $name {} ::tmm::invoke ::tmm::command::$implementation
    }
    interp alias $child ::tmm::procedure {} ::tmm::procedure $child
    set baseline [interp eval $child { info globals }]
    return $child
}

proc ::tmm::give_back_interpreter {child} {
    variable idle
    variable baseline
    foreach name [interp eval $child { info globals }] {
        if {[lsearch -exact $baseline $name] < 0} { interp eval $child [list unset -nocomplain $name] }
    }
    foreach name [interp eval $child { info vars ::static::* }] { interp eval $child [list unset $name] }
    lappend idle $child
}

proc ::tmm::open_flow {flow keys} {
    variable fact
    set fact($flow,interpreter) [take_interpreter]
    set fact($flow,rules) $keys
    set fact($flow,events_off) {}
}

# The command that holds a procedure of a rule, made in a connection's interpreter when it is first called.
proc ::tmm::procedure {child key name} {
    variable rule
    variable current_key
    if {[string match "*::*" $name]} {
        regexp {^(.*)::([^:]*)$} $name whole path name
        if {![info exists current_key($path)]} { error "undefined procedure: $path\::$name" }
        set key $current_key($path)
    }
    interp eval $child [list set ::tmm::rule $key]
    set command "proc $key $name"
    if {![llength [interp eval $child [list info commands $command]]]} {
        set found -1
        foreach {known definition} $rule($key,procs) {
            if {$known eq $name} { set found $definition }
        }
        if {$found eq "-1"} { error "undefined procedure: $name" }
        interp eval $child [list proc $command [lindex $found 0] [lindex $found 1]]
        interp eval $child [list set ::tmm::own($key,$name) $command]
    }
    return $command
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

# Variables in static:: are those of the TMM, so each connection's interpreter gets them before it runs a script.
proc ::tmm::write_static {child} {
    variable static
    foreach name [array names static] {
        foreach {is_array value} $static($name) { break }
        interp eval $child [list unset -nocomplain ::static::$name]
        interp eval $child [concat [expr {$is_array ? {array set} : {set}}] [list ::static::$name $value]]
    }
}

proc ::tmm::read_static {child} {
    variable static
    foreach name [interp eval $child { info vars ::static::* }] {
        set is_array [interp eval $child [list array exists $name]]
        set value [interp eval $child [expr {$is_array ? [list array get $name] : [list set $name]}]]
        set static([string range $name 10 end]) [list $is_array $value]
    }
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
`;
