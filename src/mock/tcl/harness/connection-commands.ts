/** Tcl: what a rule may ask of its connection, its TLS session and the certificates of the client. */
export const connectionCommandsTcl = String.raw`
namespace eval ::tmm::command {}

# Carries out a command; its error begins at the rule's own line, not in here.
proc ::tmm::invoke {implementation args} {
    if {[catch { $implementation {*}$args } result]} { return -code error $result }
    return $result
}

proc ::tmm::fact {name {otherwise ""}} {
    variable now
    variable fact
    if {[info exists fact($now(flow),$name)]} { return $fact($now(flow),$name) }
    return $otherwise
}

proc ::tmm::need {name what} {
    set value [fact $name]
    if {$value eq ""} { error "$what is not available in $::tmm::now(event)" }
    return $value
}

proc ::tmm::usage {text} { error "wrong # args: should be \"$text\"" }

proc ::tmm::command::log {args} {
    set is_named 1
    if {[lindex $args 0] eq "-noname"} {
        set is_named 0
        set args [lrange $args 1 end]
    }
    set facility local0
    set level info
    switch -exact -- [llength $args] {
        1 { set text [lindex $args 0] }
        2 {
            foreach {where text} $args { break }
            if {![regexp {^(local[0-7])\.(emerg|alert|crit|err|error|warning|notice|info|debug)?$} $where whole facility found]} {
                error "invalid facility \"$where\""
            }
            if {$found ne ""} { set level $found }
        }
        default { ::tmm::usage "log ?-noname? ?FACILITY.LEVEL? MESSAGE" }
    }
    set path $::tmm::rule($::tmm::now(key),path)
    ::tmm::effect log $facility $level [expr {$is_named ? "Rule $path <$::tmm::now(event)>: $text" : $text}]
    return
}

proc ::tmm::command::reject {} { ::tmm::effect reject; return }
proc ::tmm::command::drop {} { ::tmm::effect drop; return }
proc ::tmm::command::discard {} { ::tmm::effect drop; return }

proc ::tmm::command::event {args} {
    upvar #0 ::tmm::fact($::tmm::now(flow),events_off) off
    switch -exact -- [llength $args] {
        1 { set name $::tmm::now(event); set what [lindex $args 0] }
        2 {
            foreach {name what} $args { break }
            if {$what eq "all"} { set name all; set what [lindex $args 0] }
        }
        default { ::tmm::usage "event ?NAME? enable|disable ?all?" }
    }
    switch -exact -- $what {
        disable { lappend off $name }
        enable { if {$name eq "all"} { set off {} } else { set off [lsearch -all -inline -not -exact $off $name] } }
        default { error "bad option \"$what\": must be enable or disable" }
    }
    return
}

proc ::tmm::command::virtual {args} {
    if {$args ne "" && $args ne "name"} { error "virtual: only \"virtual name\" is implemented by the mock" }
    return [::tmm::fact virtual]
}



proc ::tmm::command::SSL_cert {args} {
    set first [lindex $args 0]
    switch -exact -- $first {
        count { return [::tmm::fact certificate_count 0] }
        mode {
            if {[llength $args] != 1} { error "SSL::cert mode cannot be changed on the mock" }
            return [::tmm::need peer_cert_mode "SSL::cert mode"]
        }
        issuer { set index [lindex $args 1] }
        default { set index $first }
    }
    if {![string is integer -strict $index] || $index < 0 || $index >= [::tmm::fact certificate_count 0]} {
        error "invalid certificate index \"$index\""
    }
    if {$first eq "issuer"} { return [::tmm::fact x509.$index.issuer] }
    return [::tmm::fact certificate.$index]
}

proc ::tmm::command::SSL_verify_result {args} {
    switch -exact -- [llength $args] {
        0 { return [::tmm::need verify_result SSL::verify_result] }
        1 { ::tmm::set_facts $::tmm::now(flow) [list verify_result [lindex $args 0]]; ::tmm::effect verify_result [lindex $args 0]; return }
        default { ::tmm::usage "SSL::verify_result ?RESULT?" }
    }
}

proc ::tmm::command::SSL_session {args} {
    if {[lindex $args 0] ne "invalidate" || [lsearch -exact {{} drop nodrop} [lindex $args 1]] < 0 || [llength $args] > 2} {
        ::tmm::usage "SSL::session invalidate ?drop|nodrop?"
    }
    if {[lindex $args 1] ne "nodrop"} { ::tmm::effect invalidate }
    return
}

proc ::tmm::command::SSL_sessionid {} { return [::tmm::fact session_id] }

# The extensions of the client's ClientHello: TYPE, LENGTH and content each, as they came.
proc ::tmm::command::SSL_extensions {args} {
    set what [lindex $args 0]
    if {$what eq "exists" || $what eq "count"} { set args [lrange $args 1 end] } else { set what "" }
    set content [::tmm::need client_hello_extensions SSL::extensions]
    set wanted ""
    if {[lindex $args 0] eq "-type" && [llength $args] == 2} {
        set wanted [lindex $args 1]
    } elseif {[llength $args]} {
        error "SSL::extensions: only \"?exists|count? ?-type TYPE?\" is implemented by the mock"
    }
    set found {}
    for {set at 0} {$at + 4 <= [string length $content]} {incr at [expr {4 + $length}]} {
        binary scan $content @[set at]SS type length
        set type [expr {$type & 0xffff}]
        set length [expr {$length & 0xffff}]
        if {$wanted eq "" || $type == $wanted} { lappend found [string range $content $at [expr {$at + 3 + $length}]] }
    }
    switch -exact -- $what {
        exists { return [expr {[llength $found] > 0}] }
        count { return [llength $found] }
        default { return [expr {$wanted eq "" ? [join $found ""] : [lindex $found 0]}] }
    }
}

proc ::tmm::command::SSL_handshake {what} {
    if {$what ne "hold" && $what ne "resume"} { error "bad option \"$what\": must be hold or resume" }
    ::tmm::effect handshake $what
    return
}

# The name that the client asked for (RFC 6066 section 3); whether one must be is the profile's.
proc ::tmm::command::SSL_sni {what} {
    if {$what ne "name"} { error "SSL::sni: only \"SSL::sni name\" is implemented by the mock" }
    set extension [::tmm::command::SSL_extensions -type 0]
    if {[string length $extension] <= 9} { return "" }
    return [string range $extension 9 end]
}

proc ::tmm::command::SSL_cipher {what} {
    if {[lsearch -exact {name version bits} $what] < 0} { error "bad option \"$what\": must be bits, name, or version" }
    return [::tmm::need cipher_$what "SSL::cipher"]
}

proc ::tmm::command::collect {layer args} {
    if {[llength $args] > 1} { ::tmm::usage "$layer\::collect ?LENGTH?" }
    set length [expr {[llength $args] ? [lindex $args 0] : 0}]
    if {![string is integer -strict $length] || $length < 0} { error "expected a length but got \"$length\"" }
    ::tmm::effect collect $length
    return
}

proc ::tmm::command::release {layer args} {
    if {[llength $args] > 1} { ::tmm::usage "$layer\::release ?LENGTH?" }
    set length [expr {[llength $args] ? [lindex $args 0] : [string length [::tmm::fact payload]]}]
    if {![string is integer -strict $length] || $length < 0} { error "expected a length but got \"$length\"" }
    ::tmm::effect release $length
    return $length
}

proc ::tmm::command::payload {layer args} {
    set payload [::tmm::fact payload]
    switch -exact -- [llength $args] {
        0 { return $payload }
        1 {
            if {$args eq "length"} { return [string length $payload] }
            if {[string is integer -strict [lindex $args 0]]} { return [string range $payload 0 [expr {[lindex $args 0] - 1}]] }
        }
        2 {
            foreach {offset length} $args { break }
            if {[string is integer -strict $offset] && [string is integer -strict $length]} {
                return [string range $payload $offset [expr {$offset + $length - 1}]]
            }
        }
    }
    error "$layer\::payload: only \"length\", LENGTH and OFFSET LENGTH are implemented by the mock"
}



# A fact of a certificate that came from SSL::cert.
proc ::tmm::command::X509 {what der args} {
    if {[llength $args]} { error "X509::$what: only X509::$what CERTIFICATE is implemented by the mock" }
    for {set index 0} {$index < [::tmm::fact certificate_count 0]} {incr index} {
        if {[::tmm::fact certificate.$index] eq $der} { return [::tmm::fact x509.$index.$what] }
    }
    error "invalid certificate handle"
}

# With commonName, which came with 16.1.3: that attribute alone.
proc ::tmm::command::X509_subject {der args} {
    if {[llength $args] == 0} { return [::tmm::command::X509 subject $der] }
    if {$args ne "commonName"} { ::tmm::usage "X509::subject CERTIFICATE ?commonName?" }
    return [::tmm::command::X509 common_name $der]
}

proc ::tmm::command::X509_pem2der {pem} {
    if {![regexp -- {-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----} $pem whole body]} { error "invalid PEM" }
    return [::tmm::command::b64decode $body]
}

proc ::tmm::command::X509_verify_cert_error_string {number} {
    if {![string is integer -strict $number]} { error "expected integer but got \"$number\"" }
    if {$number == [::tmm::fact verify_result]} { return [::tmm::fact verify_text ok] }
    return [expr {$number == 0 ? "ok" : "error number $number"}]
}



proc ::tmm::command::address {name args} {
    foreach word $args {
        if {$word ne "clientside" && $word ne "serverside"} { error "unexpected argument \"$word\"" }
    }
    return [::tmm::need $name $name]
}

proc ::tmm::command::TCP_close {} { ::tmm::effect close; return }
proc ::tmm::command::IP_protocol {} { return 6 }
`;
