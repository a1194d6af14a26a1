/** Tcl: loads rules, and makes their procedures where they are called. */
export const rulesTcl = String.raw`
namespace eval ::tmm {
    # Rules by key: path, list of EVENT PRIORITY BODY, procs as NAME {PARAMETERS BODY}.
    variable rule
    array set rule {}
    # Key of the version of a rule that calls from other rules reach.
    variable current_key
    array set current_key {}
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
`;
