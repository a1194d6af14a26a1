/** Tcl: interpreters with what TMM's Tcl 8.4 has, one for each connection. */
export const interpretersTcl = String.raw`
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
    # Interpreters that no connection has.
    variable idle {}
}

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
`;
