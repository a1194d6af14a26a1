/** Tcl: `class` and the data groups that it searches. */
export const dataGroupCommandsTcl = String.raw`
namespace eval ::data_group {}
namespace eval ::tmm {
    # Type of each data group, by path; its records are the array ::data_group::PATH.
    variable data_group_type
    array set data_group_type {}
    # Of the groups of addresses: {NETWORK NAME} for each record, longer prefixes first.
    variable networks
    array set networks {}
    # Walks through data groups that are under way, by ID: the names to come.
    variable walk
    array set walk {}
    variable walk_count 0
}

proc ::tmm::set_data_group {path type records} {
    variable data_group_type
    variable networks
    array unset ::data_group::$path
    if {$type eq "integer"} {
        foreach {name value} $records { set ::data_group::[set path]([scan $name %ld]) $value }
    } else {
        array set ::data_group::$path $records
    }
    set data_group_type($path) $type
    unset -nocomplain networks($path)
    if {$type ne "ip"} { return }
    set sorted {}
    foreach {name value} $records {
        set network [parse_address $name]
        if {$network ne ""} { lappend sorted [list [lindex $network 3] $network $name] }
    }
    set networks($path) {}
    foreach entry [lsort -integer -decreasing -index 0 $sorted] {
        lappend networks($path) [list [lindex $entry 1] [lindex $entry 2]]
    }
}

proc ::tmm::group_path {name} {
    if {![string match "/*" $name]} { set name "/Common/$name" }
    variable data_group_type
    if {![info exists data_group_type($name)]} { error "Could not find data group \"$name\"" }
    return $name
}

# The names of a data group, in the order in which indexes count; by a glob pattern when one is given.
proc ::tmm::group_names {path {pattern *} {is_nocase 0}} {
    variable data_group_type
    set names {}
    foreach name [lsort [expr {$data_group_type($path) eq "integer" ? "-integer" : "-ascii"}] [array names ::data_group::$path]] {
        if {$is_nocase ? [string match -nocase $pattern $name] : [string match $pattern $name]} { lappend names $name }
    }
    return $names
}

proc ::tmm::command::class {subcommand args} {
    variable ::tmm::walk
    variable ::tmm::walk_count
    array set options_of {
        match {-all -index -element -list -name -value}
        search {-all -index -element -list -name -value}
        element {-name -value}
        nextelement {-index -name -value}
        names {-nocase}
        get {-nocase}
    }
    set options {}
    if {[info exists options_of($subcommand)]} {
        while {[string match "-*" [lindex $args 0]]} {
            set option [lindex $args 0]
            # An index may be a number below zero, which is out of range and not an option.
            if {$subcommand eq "element" && [string is integer -strict $option]} { break }
            set args [lrange $args 1 end]
            if {$option eq "--"} { break }
            if {[lsearch -exact $options_of($subcommand) $option] < 0} {
                set known $options_of($subcommand)
                set last [lindex $known end]
                error "bad option \"$option\": must be [expr {[llength $known] == 1 ? $last : "[join [lrange $known 0 end-1] {, }], or $last"}]"
            }
            lappend options $option
        }
    }
    array set usages {
        match "class match ?OPTIONS? ?--? ITEM OPERATOR CLASS" search "class search ?OPTIONS? ?--? CLASS OPERATOR ITEM"
        lookup "class lookup ITEM CLASS" exists "class exists CLASS" size "class size CLASS" type "class type CLASS"
        element "class element ?-name|-value? INDEX CLASS" names "class names ?-nocase? CLASS ?PATTERN?"
        get "class get ?-nocase? CLASS ?PATTERN?" startsearch "class startsearch CLASS"
        nextelement "class nextelement ?OPTIONS? CLASS SEARCH" anymore "class anymore CLASS SEARCH"
        donesearch "class donesearch CLASS SEARCH"
    }
    if {![info exists usages($subcommand)]} {
        error "bad option \"$subcommand\": must be anymore, donesearch, element, exists, get, lookup, match, names, nextelement, search, size, startsearch, or type"
    }
    array set counts {
        match {3 3} search {3 3} lookup {2 2} exists {1 1} size {1 1} type {1 1} element {2 2} names {1 2} get {1 2}
        startsearch {1 1} nextelement {2 2} anymore {2 2} donesearch {2 2}
    }
    foreach {least most} $counts($subcommand) { break }
    if {[llength $args] < $least || [llength $args] > $most} { ::tmm::usage $usages($subcommand) }
    foreach {first second third} $args { break }
    switch -exact -- $subcommand {
        match { return [::tmm::class_find $options $first $second [::tmm::group_path $third] item] }
        search { return [::tmm::class_find $options $third $second [::tmm::group_path $first] element] }
        lookup { return [::tmm::class_find -value $first equals [::tmm::group_path $second] item] }
        exists { return [expr {![catch { ::tmm::group_path $first }]}] }
        size { return [array size ::data_group::[::tmm::group_path $first]] }
        type { return $::tmm::data_group_type([::tmm::group_path $first]) }
        names - get {
            set path [::tmm::group_path $first]
            set names [::tmm::group_names $path [expr {[llength $args] == 2 ? $second : "*"}] [llength $options]]
            if {$subcommand eq "names"} { return $names }
            set pairs {}
            foreach name $names { lappend pairs [::tmm::element {} $path $name] }
            return $pairs
        }
        element {
            set path [::tmm::group_path $second]
            set names [::tmm::group_names $path]
            if {![string is integer -strict $first] || $first < 0 || $first >= [llength $names]} { return "" }
            return [::tmm::element $options $path [lindex $names $first]]
        }
        startsearch {
            set id search[incr walk_count]
            set walk($id) [list 0 [::tmm::group_names [::tmm::group_path $first]]]
            return $id
        }
    }
    if {![info exists walk($second)]} { error "invalid search \"$second\"" }
    foreach {at names} $walk($second) { break }
    switch -exact -- $subcommand {
        anymore { return [expr {$at < [llength $names]}] }
        donesearch { unset walk($second); return }
        nextelement {
            if {$at >= [llength $names]} { return "" }
            set walk($second) [list [expr {$at + 1}] $names]
            if {$options eq "-index"} { return $at }
            return [::tmm::element $options [::tmm::group_path $first] [lindex $names $at]]
        }
    }
}

proc ::tmm::element {options path name} {
    upvar #0 ::data_group::$path records
    if {[lsearch -exact $options -name] >= 0} { return $name }
    if {[lsearch -exact $options -value] >= 0} { return $records($name) }
    return [list $name $records($name)]
}

# The names of the elements that match; an "equals" is one look-up, but for addresses. Left is the item or the element.
proc ::tmm::class_names {item operator path left is_all} {
    variable data_group_type
    variable networks
    upvar #0 ::data_group::$path records
    if {[lsearch -exact {contains ends_with equals starts_with} $operator] < 0} {
        error "bad operator \"$operator\": must be contains, ends_with, equals, or starts_with"
    }
    if {$data_group_type($path) eq "ip"} {
        if {$operator ne "equals"} { error "operator \"$operator\" cannot be used with a data group of addresses" }
        set address [parse_address $item]
        if {$address eq ""} { error "invalid IP address \"$item\"" }
        set found {}
        foreach entry $networks($path) {
            if {[network_holds [lindex $entry 0] $address]} {
                lappend found [lindex $entry 1]
                if {!$is_all} { break }
            }
        }
        return $found
    }
    if {$data_group_type($path) eq "integer" && [string is integer -strict $item]} { set item [expr {$item + 0}] }
    if {$operator eq "equals"} { return [expr {[info exists records($item)] ? [list $item] : {}}] }
    set found {}
    foreach name [group_names $path] {
        if {$left eq "item"} { set text $item; set part $name } else { set text $name; set part $item }
        set at [string first $part $text]
        switch -exact -- $operator {
            starts_with { set matches [expr {$at == 0}] }
            ends_with { set matches [expr {[string range $text end-[expr {[string length $part] - 1}] end] eq $part}] }
            contains { set matches [expr {$at >= 0}] }
        }
        if {$matches} { lappend found $name }
    }
    return $found
}

proc ::tmm::class_find {options item operator path left} {
    set is_all [expr {[lsearch -exact $options -all] >= 0}]
    set found [class_names $item $operator $path $left $is_all]
    set wants_text [expr {[lsearch -regexp $options {^-(element|list|value|name|index)$}] >= 0}]
    if {!$wants_text} { return [expr {[llength $found] > 0}] }
    if {!$is_all} { set found [lrange $found 0 0] }
    set results {}
    foreach name $found {
        if {[lsearch -exact $options -index] >= 0} {
            lappend results [lsearch -exact [group_names $path] $name]
        } else {
            lappend results [element $options $path $name]
        }
    }
    if {$is_all} { return $results }
    return [lindex $results 0]
}
`;
