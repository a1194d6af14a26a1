/** Tcl: `table`, the session table that all connections of a device share. */
export const tableCommandsTcl = String.raw`
namespace eval ::tmm {
    # By SUBTABLE,KEY, the subtable as a list of one or none: value, timeout, lifetime, and when it was touched and made.
    variable table
    array set table {}
}

proc ::tmm::now_ms {} {
    set now [fact now_ms]
    return [expr {$now eq "" ? [clock milliseconds] : $now}]
}

# The entry's name in the array when it is there and has not run out, else nothing.
proc ::tmm::table_find {name} {
    variable table
    if {![info exists table($name)]} { return 0 }
    foreach {value timeout lifetime touched made} $table($name) { break }
    if {[table_remaining $timeout $touched] eq "0" || [table_remaining $lifetime $made] eq "0"} {
        unset table($name)
        return 0
    }
    return 1
}

# Seconds that are left of a span, rounded up; at its end there are none.
proc ::tmm::table_remaining {seconds since} {
    if {$seconds eq "indefinite"} { return indefinite }
    set left [expr {$seconds * 1000 - ([now_ms] - $since)}]
    return [expr {$left <= 0 ? 0 : ($left + 999) / 1000}]
}

proc ::tmm::table_touch {name} {
    variable table
    set table($name) [lreplace $table($name) 3 3 [now_ms]]
}

proc ::tmm::table_span {text} {
    if {$text eq "indef" || $text eq "indefinite"} { return indefinite }
    if {![string is integer -strict $text] || $text < 0} { error "invalid timeout \"$text\"" }
    return $text
}

# Writes a value; a span of 0 leaves an entry's own as it is.
proc ::tmm::table_write {name value timeout lifetime is_touching} {
    variable table
    if {[table_find $name]} {
        foreach {old old_timeout old_lifetime touched made} $table($name) { break }
        if {$timeout eq "" || $timeout eq "0"} { set timeout $old_timeout }
        if {$lifetime eq "" || $lifetime eq "0"} { set lifetime $old_lifetime } else { set made [now_ms] }
        if {$is_touching} { set touched [now_ms] }
    } else {
        if {$timeout eq "" || $timeout eq "0"} { set timeout 180 }
        if {$lifetime eq "" || $lifetime eq "0"} { set lifetime indefinite }
        set touched [now_ms]
        set made $touched
    }
    set table($name) [list $value $timeout $lifetime $touched $made]
}

proc ::tmm::command::table {subcommand args} {
    variable ::tmm::table
    array set allowed {
        set {-notouch -mustexist -excl} add {-notouch} replace {-notouch} lookup {-notouch} incr {-notouch -mustexist}
        append {-notouch -mustexist} delete {-all} timeout {-remaining} lifetime {-remaining} keys {-notouch -count}
    }
    if {![info exists allowed($subcommand)]} {
        error "bad subcommand \"$subcommand\": must be set, add, replace, lookup, incr, append, delete, timeout, lifetime, or keys"
    }
    array set is {-notouch 0 -mustexist 0 -excl 0 -all 0 -remaining 0 -count 0}
    set subtable {}
    while {[string match "-*" [lindex $args 0]]} {
        set option [lindex $args 0]
        set args [lrange $args 1 end]
        if {$option eq "--"} { break }
        if {$option eq "-subtable"} {
            set subtable [list [lindex $args 0]]
            set args [lrange $args 1 end]
        } elseif {[lsearch -exact $allowed($subcommand) $option] >= 0} {
            set is($option) 1
        } else {
            error "bad option \"$option\": must be -subtable[expr {$allowed($subcommand) eq "" ? "" : ", [join $allowed($subcommand) {, }]"}]"
        }
    }
    set count [llength $args]
    array set bounds {set {2 4} add {2 4} replace {2 4} lookup {1 1} incr {1 2} append {2 2} timeout {1 2} lifetime {1 2}}
    if {$subcommand eq "keys" || $is(-all)} {
        if {$count != 0} { ::tmm::usage "table $subcommand -subtable NAME ?OPTIONS?" }
        if {$subtable eq ""} { error "table $subcommand: a subtable must be named" }
    } else {
        foreach {least most} [expr {$subcommand eq "delete" ? {1 1} : $bounds($subcommand)}] { break }
        if {$count < $least || $count > $most} { ::tmm::usage "table $subcommand ?OPTIONS? KEY ?ARGUMENTS?" }
    }
    foreach {key value timeout lifetime} [concat $args {{} {} {} {}}] { break }
    set name [list $subtable $key]
    switch -exact -- $subcommand {
        add { set is(-excl) 1; set subcommand set }
        replace { set is(-mustexist) 1; set subcommand set }
    }
    set exists [::tmm::table_find $name]
    switch -exact -- $subcommand {
        set {
            if {$exists && $is(-excl)} { return [lindex $table($name) 0] }
            if {!$exists && $is(-mustexist)} { return "" }
            foreach span {timeout lifetime} { if {[set $span] ne ""} { set $span [::tmm::table_span [set $span]] } }
            ::tmm::table_write $name $value $timeout $lifetime [expr {!$is(-notouch)}]
            return $value
        }
        lookup {
            if {!$exists} { return "" }
            if {!$is(-notouch)} { ::tmm::table_touch $name }
            return [lindex $table($name) 0]
        }
        incr - append {
            if {!$exists && $is(-mustexist)} { return "" }
            set old [expr {$exists ? [lindex $table($name) 0] : ""}]
            if {$subcommand eq "append"} {
                append old $value
            } else {
                set by [expr {$count == 2 ? $value : 1}]
                if {$old eq ""} { set old 0 }
                foreach number [list $old $by] {
                    if {![string is integer -strict $number]} { error "expected integer but got \"$number\"" }
                }
                incr old $by
            }
            ::tmm::table_write $name $old "" "" [expr {!$is(-notouch)}]
            return $old
        }
        delete {
            if {$is(-all)} {
                foreach other [array names table] {
                    if {[lindex $other 0] eq $subtable} { unset table($other) }
                }
            } else {
                unset -nocomplain table($name)
            }
            return
        }
        timeout - lifetime {
            if {!$exists} { return -1 }
            foreach {at since} [expr {$subcommand eq "timeout" ? {1 3} : {2 4}}] { break }
            if {$count == 2} {
                set table($name) [lreplace $table($name) $at $at [::tmm::table_span $value]]
                set table($name) [lreplace $table($name) $since $since [::tmm::now_ms]]
            }
            set seconds [lindex $table($name) $at]
            return [expr {$is(-remaining) ? [::tmm::table_remaining $seconds [lindex $table($name) $since]] : $seconds}]
        }
        keys {
            set keys {}
            foreach other [lsort [array names table]] {
                if {[lindex $other 0] eq $subtable && [::tmm::table_find $other]} {
                    lappend keys [lindex $other 1]
                    if {!$is(-notouch) && !$is(-count)} { ::tmm::table_touch $other }
                }
            }
            return [expr {$is(-count) ? [llength $keys] : $keys}]
        }
    }
}
`;
