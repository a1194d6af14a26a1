/** Tcl: IP addresses and networks, with route domains, as data groups and `IP::addr` compare them. */
export const addressCommandsTcl = String.raw`
# An address or a network as ROUTE-DOMAIN FAMILY BITS LENGTH; nothing when the text is none.
proc ::tmm::parse_address {text} {
    if {![regexp {^([0-9A-Fa-f:.]+)(?:%(\d+))?(?:/([0-9A-Fa-f:.]+))?$} $text whole address domain mask]} { return "" }
    set bits [address_bits $address]
    if {$bits eq ""} { return "" }
    set longest [string length $bits]
    if {$mask eq ""} {
        set length $longest
    } elseif {[regexp {^\d+$} $mask]} {
        set length [scan $mask %d]
    } else {
        # A mask that is written as an address: its leading ones count.
        set mask [address_bits $mask]
        if {[string length $mask] != $longest || [string first 01 $mask] >= 0} { return "" }
        set length [string length [string trimright $mask 0]]
    }
    if {$length > $longest} { return "" }
    return [list [expr {$domain eq "" ? 0 : [scan $domain %d]}] $longest $bits $length]
}

proc ::tmm::address_bits {address} {
    set tail ""
    if {[regexp {^(.*?)(\d+)\.(\d+)\.(\d+)\.(\d+)$} $address whole head a b c d]} {
        foreach octet [list $a $b $c $d] {
            if {[string length $octet] > 3 || [scan $octet %d] > 255} { return "" }
            append tail [format %02x [scan $octet %d]]
        }
        if {$head eq ""} {
            binary scan [binary format H8 $tail] B32 bits
            return $bits
        }
        if {![string match *: $head]} { return "" }
        set address "$head[string range $tail 0 3]:[string range $tail 4 7]"
    }
    if {![string match *:* $address] || [regexp {[.]|:::|^:[^:]|[^:]:$} $address]} { return "" }
    set gap [string first :: $address]
    if {$gap >= 0} {
        if {[string first :: $address [expr {$gap + 1}]] >= 0} { return "" }
        set front [split_groups [string range $address 0 [expr {$gap - 1}]]]
        set back [split_groups [string range $address [expr {$gap + 2}] end]]
        set missing [expr {8 - [llength $front] - [llength $back]}]
        if {$missing < 1} { return "" }
        for {} {$missing > 0} {incr missing -1} { lappend front 0 }
        set groups [concat $front $back]
    } else {
        set groups [split_groups $address]
    }
    if {[llength $groups] != 8} { return "" }
    set hex ""
    foreach group $groups {
        if {![regexp {^[0-9A-Fa-f]{1,4}$} $group]} { return "" }
        append hex [format %04x [scan $group %x]]
    }
    binary scan [binary format H32 $hex] B128 bits
    return $bits
}

proc ::tmm::split_groups {text} { return [expr {$text eq "" ? {} : [split $text :]}] }

# Whether a parsed network holds a parsed address; one of another route domain or family it does not.
proc ::tmm::network_holds {network address} {
    foreach {domain family bits length} $network { break }
    foreach {other_domain other_family other_bits other_length} $address { break }
    return [expr {$domain == $other_domain && $family == $other_family && $length <= $other_length
        && ($length == 0 || [string equal -length $length $bits $other_bits])}]
}

proc ::tmm::command::IP_addr {args} {
    if {[llength $args] != 3 || [lindex $args 1] ne "equals"} { ::tmm::usage "IP::addr ADDRESS ?/MASK? equals ADDRESS ?/MASK?" }
    foreach {first operator second} $args { break }
    foreach text [list $first $second] {
        set address [::tmm::parse_address $text]
        if {$address eq ""} { error "invalid IP address \"$text\"" }
        lappend parsed $address
    }
    foreach {a b} $parsed { break }
    return [expr {[::tmm::network_holds $a $b] || [::tmm::network_holds $b $a]}]
}
`;
