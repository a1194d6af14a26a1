/** Tcl: reads requests and answers them. */
export const requestsTcl = String.raw`
proc ::tmm::serve {verb arguments} {
    switch -exact -- $verb {
        data_group { set_data_group [lindex $arguments 0] [lindex $arguments 1] [lrange $arguments 2 end] }
        no_data_group {
            array unset ::data_group::[lindex $arguments 0]
            unset -nocomplain ::tmm::data_group_type([lindex $arguments 0]) ::tmm::networks([lindex $arguments 0])
        }
        statistics_profile { set_statistics_profile [lindex $arguments 0] [lrange $arguments 1 end] }
        pools { variable pools $arguments }
        publishers { variable publishers $arguments }
        rule { return [load_rule {*}$arguments] }
        open { open_flow [lindex $arguments 0] [lrange $arguments 1 end] }
        event { return [run_event [lindex $arguments 0] [lindex $arguments 1] [lrange $arguments 2 end]] }
        timer { return [run_timer {*}$arguments] }
        close { close_flow {*}$arguments }
        istats {
            variable istats
            set pairs {}
            foreach {key value} [array get istats] { lappend pairs [list $key $value] }
            return $pairs
        }
        limit { variable time_limit_ms [lindex $arguments 0] }
        default { error "unknown request \"$verb\"" }
    }
    return {}
}

proc ::tmm::encode {text} {
    # Rules hold bytes; a character that is none came from the harness itself.
    binary scan [encoding convertto iso8859-1 $text] H* hex
    return $hex
}

proc ::tmm::main {} {
    fconfigure stdin -translation lf -encoding iso8859-1 -buffersize 65536
    fconfigure stdout -translation lf -encoding iso8859-1 -buffering full
    while {[gets stdin line] >= 0} {
        set words {}
        foreach word [split $line " "] { lappend words [binary format H* $word] }
        if {[catch { serve [lindex $words 0] [lrange $words 1 end] } result]} {
            puts stdout "error [encode $result]"
        } else {
            set answer ok
            foreach group $result {
                set encoded {}
                foreach word $group { lappend encoded [encode $word] }
                append answer " " [join $encoded ,]
            }
            puts stdout $answer
        }
        flush stdout
    }
    exit
}
`;
