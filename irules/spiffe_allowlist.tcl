# Admits a caller only when its certificate carries one SPIFFE ID and the allowlist names that ID.
#
# For a virtual server /mesh/echo the rule reads three string data groups, each time it decides:
#   /mesh/echo_allow     a record per admitted ID or pattern
#   /mesh/echo_deny      a record per refused ID or pattern; it wins over echo_allow
#   /mesh/echo_settings  mode = enforce or audit
#                        trust-domain/TD = 1 for each trust domain that is accepted
#                        recheck = seconds between two checks of a live connection (absent: never)
#                        retiring = 1 while roots of the mesh are to go (absent: none are)
#                        root/KEYID, root-dn/NAME = 1 for each root that stays meanwhile
# Patterns are spiffe://TD/ns/NS/sa/* and spiffe://TD/ns/*, and name IDs spiffe://TD/ns/NS/sa/SA only.
# A data group that is missing is a TCL error, which resets the connection.
#
# It counts in the statistics profile /mesh/echo_counters, if the virtual server has it: allowed, rejected,
# would_reject, and retiring, the callers that were let in and may need a root that is to go.
#
# The ID is read from the DER of the certificate, never from text that the device renders from it: in
# text, the value of one name can look like another name.
#
# Words that both Tcl 8.4.6 (BIG-IP) and Tcl 8.6 read alike. ASCII only.

# Lists what lies between two offsets as TAG FROM TO triples, where FROM and TO bound the content.
# Takes DER only: low tag numbers, definite lengths in the shortest form, no gap, nothing left over.
proc spf_elements {der from to limit} {
    set elements [list]
    while {$from < $to} {
        if {$from + 2 > $to} {
            error "malformed"
        }
        # Tcl 8.4 scans bytes as signed numbers only.
        binary scan $der "@${from}cc" tag length
        set tag [expr {$tag & 0xff}]
        set length [expr {$length & 0xff}]
        set content [expr {$from + 2}]
        if {($tag & 0x1f) == 0x1f} {
            error "malformed"
        }
        if {$length > 0x7f} {
            set octets [expr {$length & 0x7f}]
            if {$octets < 1 || $octets > 3 || $content + $octets > $to} {
                error "malformed"
            }
            binary scan $der "@${content}c${octets}" bytes
            set length 0
            foreach byte $bytes {
                set length [expr {($length << 8) | ($byte & 0xff)}]
            }
            if {$length < 0x80 || ($octets > 1 && $length >> (8 * ($octets - 1)) == 0)} {
                error "malformed"
            }
            set content [expr {$content + $octets}]
        }
        set from [expr {$content + $length}]
        if {$from > $to} {
            error "malformed"
        }
        if {[llength $elements] >= 3 * $limit} {
            error "too-large"
        }
        lappend elements $tag $content $from
    }
    return $elements
}

# Bytes as lower-case hexadecimal digits.
proc spf_hex {der from to} {
    set digits [expr {2 * ($to - $from)}]
    binary scan $der "@${from}H${digits}" hex
    return $hex
}

# BOOLEAN: DER knows one TRUE, 0xff; anything else is an attempt to be read differently elsewhere.
proc spf_boolean {der from to} {
    switch -exact -- [call spf_hex $der $from $to] {
        00 { return 0 }
        ff { return 1 }
    }
    error "malformed"
}

# The URIs among the elements of a SubjectAltName, as FROM TO pairs; the other eight choices of
# GeneralName may stand beside them and are never looked into (RFC 5280 4.2.1.6).
proc spf_uris {names} {
    set uris [list]
    foreach {tag from to} $names {
        switch -exact -- $tag {
            134 { lappend uris $from $to }
            129 - 130 - 135 - 136 - 160 - 163 - 164 - 165 { }
            default { error "malformed" }
        }
    }
    return $uris
}

# cA of the elements of a BasicConstraints (RFC 5280 4.2.1.9).
proc spf_is_ca {der elements} {
    set ca 0
    if {[llength $elements] > 0 && [lindex $elements 0] == 0x01} {
        set ca [call spf_boolean $der [lindex $elements 1] [lindex $elements 2]]
        set elements [lrange $elements 3 end]
    }
    if {[llength $elements] > 3 || ([llength $elements] == 3 && [lindex $elements 0] != 0x02)} {
        error "malformed"
    }
    return $ca
}

# Whether the bits of a KeyUsage suit a caller: digitalSignature is set, keyCertSign and cRLSign are not.
proc spf_may_sign_only_data {der from to} {
    if {$to - $from < 1} {
        error "malformed"
    }
    binary scan $der "@${from}c" unused
    if {$unused < 0 || $unused > 7} {
        error "malformed"
    }
    if {$to - $from < 2} {
        return 0
    }
    incr from
    binary scan $der "@${from}c" bits
    return [expr {($bits & 0x86) == 0x80}]
}

# Whether the elements of an ExtendedKeyUsage name both serverAuth and clientAuth.
proc spf_has_both_auth {der elements} {
    set server 0
    set client 0
    foreach {tag from to} $elements {
        if {$tag != 0x06} {
            error "malformed"
        }
        switch -exact -- [call spf_hex $der $from $to] {
            2b06010505070301 { set server 1 }
            2b06010505070302 { set client 1 }
        }
    }
    return [expr {$server && $client}]
}

# Splits a SPIFFE ID into trust domain and path (SPIFFE-ID 2.1 to 2.3); a refusal is the error bad-spiffe-id.
# Nothing is folded, decoded, trimmed or normalised.
proc spf_split {id} {
    if {[string length $id] > 2048} {
        error "bad-spiffe-id"
    }
    # No bounds and no captures: with {1,255} this match alone costs more than the rest of the decision.
    if {![regexp {\Aspiffe://[a-z0-9._-]+(?:/[A-Za-z0-9._-]+)+\Z} $id]} {
        error "bad-spiffe-id"
    }
    set slash [string first "/" $id 9]
    set trust_domain [string range $id 9 [expr {$slash - 1}]]
    set path [string range $id $slash end]
    if {[string length $trust_domain] > 255} {
        error "bad-spiffe-id"
    }
    if {[regexp {/[.][.]?(?:/|\Z)} $path]} {
        error "bad-spiffe-id"
    }
    return [list $trust_domain $path]
}

# The SPIFFE ID of a certificate in DER. Why it has none is the error's message; of several faults, the
# first in the order of the checks below.
proc spf_identity {der} {
    set size [string length $der]
    if {$size > 16384} {
        error "too-large"
    }
    # How many more elements may be read.
    set left 400

    set elements [call spf_elements $der 0 $size $left]
    incr left -1
    if {[llength $elements] != 3 || [lindex $elements 0] != 0x30} {
        error "malformed"
    }
    set elements [call spf_elements $der [lindex $elements 1] [lindex $elements 2] $left]
    incr left -3
    set tags [list]
    foreach {tag from to} $elements {
        lappend tags $tag
    }
    if {$tags ne "48 48 3"} {
        error "malformed"
    }

    # RFC 5280 4.1: version, serial number, signature algorithm, issuer, validity, subject, public key, the
    # two unique IDs, extensions.
    set fields [call spf_elements $der [lindex $elements 1] [lindex $elements 2] $left]
    set tags [list]
    foreach {tag from to} $fields {
        incr left -1
        lappend tags $tag
    }
    if {![regexp {\A(160 )?2 48 48 48 48 48( 129)?( 130)?( 163)?\Z} $tags]} {
        error "malformed"
    }
    if {[lindex $fields 0] != 0xa0} {
        set fields [linsert $fields 0 0xa0 0 0]
    }
    set subject_is_empty [expr {[lindex $fields 16] == [lindex $fields 17]}]
    set extensions [list]
    if {$tag == 0xa3} {
        set elements [call spf_elements $der $from $to $left]
        incr left -1
        if {[llength $elements] != 3 || [lindex $elements 0] != 0x30} {
            error "malformed"
        }
        set extensions [call spf_elements $der [lindex $elements 1] [lindex $elements 2] $left]
        incr left [expr {-([llength $extensions] / 3)}]
    }

    set san_count 0
    set uris [list]
    set is_unknown_critical 0
    foreach {tag from to} $extensions {
        if {$tag != 0x30} {
            error "malformed"
        }
        set members [call spf_elements $der $from $to $left]
        incr left [expr {-([llength $members] / 3)}]
        set is_critical 0
        if {[llength $members] == 9 && [lindex $members 3] == 0x01} {
            set is_critical [call spf_boolean $der [lindex $members 4] [lindex $members 5]]
            set members [lreplace $members 3 5]
        }
        if {[llength $members] != 6 || [lindex $members 0] != 0x06 || [lindex $members 3] != 0x04} {
            error "malformed"
        }
        # Object identifiers are compared whole, by their content: 2.5.29.17 is 551d11.
        set oid [call spf_hex $der [lindex $members 1] [lindex $members 2]]
        switch -exact -- $oid {
            551d11 - 551d13 - 551d25 { set inner_tag 0x30 }
            551d0f { set inner_tag 0x03 }
            default {
                if {$is_critical} {
                    set is_unknown_critical 1
                }
                continue
            }
        }
        if {$oid ne "551d11" && [info exists value($oid)]} {
            error "malformed"
        }
        set inner [call spf_elements $der [lindex $members 4] [lindex $members 5] $left]
        incr left -1
        if {[llength $inner] != 3 || [lindex $inner 0] != $inner_tag} {
            error "malformed"
        }
        set from [lindex $inner 1]
        set to [lindex $inner 2]
        if {$oid eq "551d0f"} {
            set suits [call spf_may_sign_only_data $der $from $to]
            set value($oid) [expr {$is_critical && $suits}]
            continue
        }
        set elements [call spf_elements $der $from $to $left]
        incr left [expr {-([llength $elements] / 3)}]
        switch -exact -- $oid {
            551d13 { set value($oid) [call spf_is_ca $der $elements] }
            551d25 { set value($oid) [call spf_has_both_auth $der $elements] }
            551d11 {
                incr san_count
                set is_san_critical $is_critical
                set uris [concat $uris [call spf_uris $elements]]
            }
        }
    }

    if {$san_count < 1} {
        error "no-san"
    }
    if {$san_count > 1} {
        error "duplicate-san"
    }
    if {[llength $uris] < 2} {
        error "no-uri"
    }
    if {[llength $uris] > 2} {
        error "many-uris"
    }
    set from [lindex $uris 0]
    set size [expr {[lindex $uris 1] - $from}]
    binary scan $der "@${from}a${size}" id
    call spf_split $id

    # The leaf rules of X509-SVID 4.1 to 4.4 and RFC 5280 4.2.1.6.
    if {[info exists value(551d13)] && $value(551d13)} {
        error "ca-certificate"
    }
    if {![info exists value(551d0f)] || !$value(551d0f)} {
        error "key-usage"
    }
    if {[info exists value(551d25)] && !$value(551d25)} {
        error "extended-key-usage"
    }
    if {$subject_is_empty && !$is_san_critical} {
        error "san-not-critical"
    }
    if {$is_unknown_critical} {
        error "unknown-critical-extension"
    }
    return $id
}

# Whether an ID may call this virtual server: PASSES REASON, where PASSES is 1 or 0. A reason beside a 1
# means that only the audit mode lets the caller pass. Hash look-ups only; deny comes before allow.
proc spf_admission {id} {
    set name [virtual name]
    foreach {trust_domain path} [call spf_split $id] { break }
    if {[class match -value -- "trust-domain/$trust_domain" equals "${name}_settings"] ne "1"} {
        return [list 0 "trust-domain"]
    }
    set keys [list $id]
    if {[regexp {\A/ns/([^/]+)/sa/[^/]+\Z} $path whole namespace]} {
        lappend keys "spiffe://$trust_domain/ns/$namespace/sa/*" "spiffe://$trust_domain/ns/*"
    }
    set reason ""
    foreach key $keys {
        if {[class match -- $key equals "${name}_deny"]} {
            set reason "denied"
        }
    }
    if {$reason eq ""} {
        foreach key $keys {
            if {[class match -- $key equals "${name}_allow"]} {
                return [list 1 ""]
            }
        }
        set reason "not-listed"
    }
    return [list [expr {[class match -value -- "mode" equals "${name}_settings"] eq "audit"}] $reason]
}

# Decides about the caller of this connection: PASSES REASON as above, then the ID, empty when there is none.
proc spf_decide {} {
    if {[SSL::cert count] < 1} {
        return [list 0 "no-certificate" ""]
    }
    if {[SSL::verify_result] != 0} {
        return [list 0 "not-verified" ""]
    }
    set der [SSL::cert 0]
    if {[catch { call spf_identity $der } id]} {
        return [list 0 $id ""]
    }
    return [concat [call spf_admission $id] [list $id]]
}

# What ties a certificate in DER to the one that issued it: its subject and issuer as encoded, and the key
# identifier of its issuer in hexadecimal, empty where it names none (RFC 5280 4.2.1.1).
proc spf_issuance {der} {
    set size [string length $der]
    if {$size > 16384} {
        error "too-large"
    }
    set elements [call spf_elements $der 0 $size 1]
    set elements [call spf_elements $der [lindex $elements 1] [lindex $elements 2] 3]
    set fields [call spf_elements $der [lindex $elements 1] [lindex $elements 2] 10]
    set tag [lindex $fields end-2]
    set from [lindex $fields end-1]
    set to [lindex $fields end]
    if {[lindex $fields 0] != 0xa0} {
        set fields [linsert $fields 0 0xa0 0 0]
    }
    if {[lindex $fields 9] != 0x30 || [lindex $fields 15] != 0x30} {
        error "malformed"
    }
    # A name begins where the field before it ends.
    set start [lindex $fields 8]
    set size [expr {[lindex $fields 11] - $start}]
    binary scan $der "@${start}a${size}" issuer
    set start [lindex $fields 14]
    set size [expr {[lindex $fields 17] - $start}]
    binary scan $der "@${start}a${size}" subject

    set key ""
    if {$tag != 0xa3} {
        return [list $subject $issuer $key]
    }
    set elements [call spf_elements $der $from $to 1]
    foreach {tag from to} [call spf_elements $der [lindex $elements 1] [lindex $elements 2] 100] {
        set members [call spf_elements $der $from $to 3]
        if {[call spf_hex $der [lindex $members 1] [lindex $members 2]] ne "551d23"} {
            continue
        }
        set elements [call spf_elements $der [lindex $members end-1] [lindex $members end] 1]
        foreach {tag from to} [call spf_elements $der [lindex $elements 1] [lindex $elements 2] 3] {
            if {$tag == 0x80} {
                set key [call spf_hex $der $from $to]
            }
        }
    }
    return [list $subject $issuer $key]
}

# Whether a caller may need a root that is to go: 0 when what it presented leads to a root that stays, 1 when
# not, or when that cannot be told. It goes up from the leaf and stops at the first certificate that a root
# that stays has issued: what callers send behind that, such as several roots, says nothing of their chain.
proc spf_may_need_retiring_root {} {
    set settings "[virtual name]_settings"
    if {[class match -value -- "retiring" equals $settings] ne "1"} {
        return 0
    }
    set count [SSL::cert count]
    if {$count > 10} {
        set count 10
    }
    for {set index 0} {$index < $count} {incr index} {
        foreach {subject issuer key} [call spf_issuance [SSL::cert $index]] { break }
        if {$subject eq $issuer || ($index > 0 && $subject ne $issued_by)} {
            return 1
        }
        if {$key ne ""} {
            set root "root/$key"
        } else {
            binary scan $issuer "H*" name
            set root "root-dn/$name"
        }
        if {[class match -value -- $root equals $settings] eq "1"} {
            return 0
        }
        set issued_by $issuer
    }
    return 1
}

# One line of the log, of at most 1024 bytes, and the counters of the virtual server.
proc spf_report {outcome reason id} {
    # A counter's name can be one of these and nothing else, for iStats are few. What is none of them is
    # the message of an error that nobody foresaw.
    if {$reason ne "" && [lsearch -exact {
        no-certificate not-verified too-large malformed no-san duplicate-san no-uri many-uris bad-spiffe-id
        ca-certificate key-usage extended-key-usage san-not-critical unknown-critical-extension
        trust-domain denied not-listed
    } $reason] < 0} {
        regsub -all {[^ -~]} [string range $reason 0 199] "." detail
        set reason "internal-error"
    }
    if {$id eq ""} {
        set id "-"
    } elseif {[string length $id] > 700} {
        set id "[string range $id 0 449]...([string length $id] bytes)...[string range $id end-199 end]"
    }
    switch -exact -- $outcome {
        allowed { set line "allowing: $id" }
        would_reject { set line "would-reject: $id ($reason)" }
        default { set line "rejecting: $id ($reason)" }
    }
    if {[info exists detail]} {
        append line " $detail"
    }
    log local0.info $line
    set counter "spiffe_$outcome"
    if {$outcome eq "rejected"} {
        append counter "_[string map {- _} $reason]"
    }
    # A counter that fails must neither admit nor refuse anybody: the decision stands already.
    catch { ISTATS::incr "ltm.virtual [virtual name] counter $counter" 1 }
    catch { STATS::incr "[virtual name]_counters" $outcome 1 }
}

when CLIENT_ACCEPTED priority 1 {
    set spf_admitted 0
}

# Refuses before the handshake is over, so that such a caller never sees a Finished message. Admits
# nobody: the caller has shown a certificate, but has not yet proven that it holds its key.
when CLIENTSSL_CLIENTCERT priority 1 {
    set spf_admitted 0
    foreach {spf_passes spf_reason spf_id} [call spf_decide] { break }
    if {$spf_passes ne "1"} {
        call spf_report rejected $spf_reason $spf_id
        SSL::session invalidate
        reject
        event disable all
        return
    }
}

# Decides anew, because on a resumed session CLIENTSSL_CLIENTCERT does not fire.
when CLIENTSSL_HANDSHAKE priority 1 {
    set spf_admitted 0
    foreach {spf_passes spf_reason spf_id} [call spf_decide] { break }
    if {$spf_passes ne "1"} {
        call spf_report rejected $spf_reason $spf_id
        SSL::session invalidate
        reject
        event disable all
        return
    }
    if {$spf_reason eq ""} {
        call spf_report allowed "" $spf_id
    } else {
        call spf_report would_reject $spf_reason $spf_id
    }

    set spf_recheck [class match -value -- "recheck" equals "[virtual name]_settings"]
    if {$spf_recheck ne "" && ![info exists spf_timer]} {
        if {![regexp {\A[1-9][0-9]{0,4}\Z} $spf_recheck]} {
            error "recheck is not a number of seconds"
        }
        # The connection lives on while its caller may; an error in here ends it too.
        set spf_timer [after [expr {$spf_recheck * 1000}] -periodic {
            if {[catch { call spf_admission $spf_id } spf_admission]} {
                set spf_admission [list 0 $spf_admission]
            }
            if {[lindex $spf_admission 0] ne "1"} {
                reject
                call spf_report rejected [lindex $spf_admission 1] $spf_id
                event disable all
            }
        }]
    }
    set spf_admitted 1

    # Whatever goes wrong from here on, the caller is in.
    if {[catch { call spf_may_need_retiring_root } spf_retiring]} {
        set spf_retiring 1
    }
    if {$spf_retiring ne "0"} {
        catch { STATS::incr "[virtual name]_counters" "retiring" 1 }
    }
}

# The last gate before a pool member hears of the connection.
when LB_SELECTED priority 1 {
    if {$spf_admitted ne "1"} {
        reject
        event disable all
        return
    }
}
