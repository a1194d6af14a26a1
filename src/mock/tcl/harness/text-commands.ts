/** Tcl: base64, pieces of text, digests. */
export const textCommandsTcl = String.raw`
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
    return [::tmm::command::substr [string range $text $at end] $skip $end]
}

proc ::tmm::command::substr {text {skip 0} {end ""}} {
    set rest [string range $text $skip end]
    if {$end eq ""} { return $rest }
    if {[string is integer -strict $end]} { return [string range $rest 0 [expr {$end - 1}]] }
    set stop [string first $end $rest]
    return [expr {$stop < 0 ? $rest : [string range $rest 0 [expr {$stop - 1}]]}]
}

# The last labels of a name.
proc ::tmm::command::domain {name count} {
    if {![string is integer -strict $count] || $count < 1} { error "expected a number of labels but got \"$count\"" }
    return [join [lrange [split $name .] end-[expr {$count - 1}] end] .]
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

# Tcl has no digests of its own, so these follow RFC 1321, RFC 3174, RFC 6234 and ISO 3309.
proc ::tmm::pad {text order} {
    set bytes [encoding convertto iso8859-1 $text]
    set bits [expr {[string length $bytes] * 8}]
    append bytes [binary format c 0x80] [string repeat \0 [expr {(119 - [string length $bytes] % 64) % 64}]]
    return $bytes[binary format $order $bits]
}

proc ::tmm::rotate {value by} { return [expr {(($value << $by) | (($value & 0xffffffff) >> (32 - $by))) & 0xffffffff}] }

proc ::tmm::words {block format} {
    binary scan $block $format words
    set unsigned {}
    foreach word $words { lappend unsigned [expr {$word & 0xffffffff}] }
    return $unsigned
}

proc ::tmm::command::md5 {text} {
    set message [::tmm::pad $text w]
    set state {0x67452301 0xefcdab89 0x98badcfe 0x10325476}
    for {set at 0} {$at < [string length $message]} {incr at 64} {
        set words [::tmm::words [string range $message $at [expr {$at + 63}]] i16]
        foreach {a b c d} $state { break }
        for {set i 0} {$i < 64} {incr i} {
            switch -exact -- [expr {$i / 16}] {
                0 { set f [expr {($b & $c) | (~$b & $d)}]; set g $i }
                1 { set f [expr {($d & $b) | (~$d & $c)}]; set g [expr {(5 * $i + 1) % 16}] }
                2 { set f [expr {$b ^ $c ^ $d}]; set g [expr {(3 * $i + 5) % 16}] }
                3 { set f [expr {$c ^ ($b | (~$d & 0xffffffff))}]; set g [expr {(7 * $i) % 16}] }
            }
            set sine [expr {int(floor(abs(sin($i + 1)) * 4294967296.0))}]
            set sum [expr {($a + $f + $sine + [lindex $words $g]) & 0xffffffff}]
            set by [lindex {7 12 17 22 5 9 14 20 4 11 16 23 6 10 15 21} [expr {$i / 16 * 4 + $i % 4}]]
            set a $d
            set d $c
            set c $b
            set b [expr {($b + [::tmm::rotate $sum $by]) & 0xffffffff}]
        }
        set next {}
        foreach old $state new [list $a $b $c $d] { lappend next [expr {($old + $new) & 0xffffffff}] }
        set state $next
    }
    return [binary format i4 $state]
}

proc ::tmm::command::sha1 {text} {
    set message [::tmm::pad $text W]
    set state {0x67452301 0xefcdab89 0x98badcfe 0x10325476 0xc3d2e1f0}
    for {set at 0} {$at < [string length $message]} {incr at 64} {
        set words [::tmm::words [string range $message $at [expr {$at + 63}]] I16]
        for {set i 16} {$i < 80} {incr i} {
            set mixed [expr {[lindex $words end-2] ^ [lindex $words end-7] ^ [lindex $words end-13] ^ [lindex $words end-15]}]
            lappend words [::tmm::rotate $mixed 1]
        }
        foreach {a b c d e} $state { break }
        for {set i 0} {$i < 80} {incr i} {
            switch -exact -- [expr {$i / 20}] {
                0 { set f [expr {($b & $c) | (~$b & $d)}]; set k 0x5a827999 }
                1 { set f [expr {$b ^ $c ^ $d}]; set k 0x6ed9eba1 }
                2 { set f [expr {($b & $c) | ($b & $d) | ($c & $d)}]; set k 0x8f1bbcdc }
                3 { set f [expr {$b ^ $c ^ $d}]; set k 0xca62c1d6 }
            }
            set sum [expr {([::tmm::rotate $a 5] + $f + $e + $k + [lindex $words $i]) & 0xffffffff}]
            set e $d
            set d $c
            set c [::tmm::rotate $b 30]
            set b $a
            set a $sum
        }
        set next {}
        foreach old $state new [list $a $b $c $d $e] { lappend next [expr {($old + $new) & 0xffffffff}] }
        set state $next
    }
    return [binary format I5 $state]
}

# The first 32 bits of the fractional parts of the roots of primes, as whole numbers alone give them.
proc ::tmm::root_bits {prime power} {
    set scaled [expr {wide($prime) << (32 * $power)}]
    set low 0
    set high [expr {wide(1) << 40}]
    while {$high - $low > 1} {
        set middle [expr {($low + $high) / 2}]
        set product 1
        for {set i 0} {$i < $power} {incr i} { set product [expr {$product * $middle}] }
        if {$product <= $scaled} { set low $middle } else { set high $middle }
    }
    return [expr {$low & 0xffffffff}]
}

proc ::tmm::sha256_constants {} {
    variable sha256
    if {[info exists sha256]} { return $sha256 }
    set primes {}
    for {set number 2} {[llength $primes] < 64} {incr number} {
        set is_prime 1
        foreach prime $primes { if {$number % $prime == 0} { set is_prime 0; break } }
        if {$is_prime} { lappend primes $number }
    }
    set initial {}
    foreach prime [lrange $primes 0 7] { lappend initial [root_bits $prime 2] }
    set round {}
    foreach prime $primes { lappend round [root_bits $prime 3] }
    return [set sha256 [list $initial $round]]
}

proc ::tmm::command::sha256 {text} {
    set message [::tmm::pad $text W]
    foreach {state constants} [::tmm::sha256_constants] { break }
    for {set at 0} {$at < [string length $message]} {incr at 64} {
        set words [::tmm::words [string range $message $at [expr {$at + 63}]] I16]
        for {set i 16} {$i < 64} {incr i} {
            set x [lindex $words end-14]
            set y [lindex $words end-1]
            set low [expr {[::tmm::rotate $x 25] ^ [::tmm::rotate $x 14] ^ ($x >> 3)}]
            set high [expr {[::tmm::rotate $y 15] ^ [::tmm::rotate $y 13] ^ ($y >> 10)}]
            lappend words [expr {([lindex $words end-15] + $low + [lindex $words end-6] + $high) & 0xffffffff}]
        }
        foreach {a b c d e f g h} $state { break }
        foreach word $words constant $constants {
            set high [expr {[::tmm::rotate $e 26] ^ [::tmm::rotate $e 21] ^ [::tmm::rotate $e 7]}]
            set one [expr {$h + $high + (($e & $f) ^ (~$e & $g)) + $constant + $word}]
            set low [expr {[::tmm::rotate $a 30] ^ [::tmm::rotate $a 19] ^ [::tmm::rotate $a 10]}]
            set two [expr {$low + (($a & $b) ^ ($a & $c) ^ ($b & $c))}]
            set h $g
            set g $f
            set f $e
            set e [expr {($d + $one) & 0xffffffff}]
            set d $c
            set c $b
            set b $a
            set a [expr {($one + $two) & 0xffffffff}]
        }
        set next {}
        foreach old $state new [list $a $b $c $d $e $f $g $h] { lappend next [expr {($old + $new) & 0xffffffff}] }
        set state $next
    }
    return [binary format I8 $state]
}

proc ::tmm::command::crc32 {text} {
    binary scan [encoding convertto iso8859-1 $text] c* bytes
    set crc 0xffffffff
    foreach byte $bytes {
        set crc [expr {$crc ^ ($byte & 0xff)}]
        for {set bit 0} {$bit < 8} {incr bit} { set crc [expr {($crc >> 1) ^ ($crc & 1 ? 0xedb88320 : 0)}] }
    }
    return [expr {$crc ^ 0xffffffff}]
}
`;
