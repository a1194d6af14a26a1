/** Tcl: `class` and the data groups that it searches. */
export const dataGroupCommandsTcl = String.raw`
proc ::tmm::group_path {name} {
    if {![string match "/*" $name]} { set name "/Common/$name" }
    variable data_group_type
    if {![info exists data_group_type($name)]} { error "Could not find data group \"$name\"" }
    return $name
}

proc ::tmm::command::class {subcommand args} {
    set options {}
    if {$subcommand eq "match" || $subcommand eq "search" || $subcommand eq "names" || $subcommand eq "get"} {
        while {[string match "-*" [lindex $args 0]]} {
            set option [lindex $args 0]
            set args [lrange $args 1 end]
            if {$option eq "--"} { break }
            if {[lsearch -exact {-all -index -element -list -name -value -nocase} $option] < 0} {
                error "bad option \"$option\": must be -all, -index, -element, -list, -name, or -value"
            }
            lappend options $option
        }
    }
    switch -exact -- $subcommand {
        match {
            if {[llength $args] != 3} { ::tmm::usage "class match ?OPTIONS? ?--? ITEM OPERATOR CLASS" }
            foreach {item operator name} $args { break }
            return [::tmm::class_find $options $item $operator [::tmm::group_path $name] item]
        }
        search {
            if {[llength $args] != 3} { ::tmm::usage "class search ?OPTIONS? ?--? CLASS OPERATOR ITEM" }
            foreach {name operator item} $args { break }
            return [::tmm::class_find $options $item $operator [::tmm::group_path $name] element]
        }
        lookup {
            if {[llength $args] != 2} { ::tmm::usage "class lookup ITEM CLASS" }
            return [::tmm::class_find -value [lindex $args 0] equals [::tmm::group_path [lindex $args 1]] item]
        }
        exists {
            if {[llength $args] != 1} { ::tmm::usage "class exists CLASS" }
            return [expr {![catch { ::tmm::group_path [lindex $args 0] }]}]
        }
        size {
            if {[llength $args] != 1} { ::tmm::usage "class size CLASS" }
            return [array size ::data_group::[::tmm::group_path [lindex $args 0]]]
        }
        names { return [lsort [array names ::data_group::[::tmm::group_path [lindex $args 0]]]] }
        get {
            upvar #0 ::data_group::[::tmm::group_path [lindex $args 0]] records
            set pairs {}
            foreach name [lsort [array names records]] { lappend pairs [list $name $records($name)] }
            return $pairs
        }
        default { error "class $subcommand is not implemented by the mock" }
    }
}

# Searches a data group; an "equals" is one look-up. The left side of the operator is the item or the element.
proc ::tmm::class_find {options item operator path left} {
    variable data_group_type
    upvar #0 ::data_group::$path records
    if {$data_group_type($path) eq "ip"} { error "data groups of addresses are not implemented by the mock" }
    set found {}
    if {$operator eq "equals"} {
        if {[info exists records($item)]} { set found [list $item] }
    } elseif {[lsearch -exact {starts_with ends_with contains} $operator] >= 0} {
        foreach name [lsort [array names records]] {
            if {$left eq "item"} { set text $item; set part $name } else { set text $name; set part $item }
            set at [string first $part $text]
            switch -exact -- $operator {
                starts_with { set matches [expr {$at == 0}] }
                ends_with { set matches [expr {[string range $text end-[expr {[string length $part] - 1}] end] eq $part}] }
                contains { set matches [expr {$at >= 0}] }
            }
            if {$matches} { lappend found $name }
        }
    } else {
        error "bad operator \"$operator\": must be contains, ends_with, equals, or starts_with"
    }
    if {[lsearch -exact $options -all] < 0} { set found [lrange $found 0 0] }
    set results {}
    foreach name $found {
        if {[lsearch -exact $options -element] >= 0} {
            lappend results [list $name $records($name)]
        } elseif {[lsearch -exact $options -value] >= 0} {
            lappend results $records($name)
        } elseif {[lsearch -exact $options -name] >= 0} {
            lappend results $name
        } elseif {[lsearch -exact $options -index] >= 0} {
            lappend results [lsearch -exact [lsort [array names records]] $name]
        } else {
            return 1
        }
    }
    if {[lsearch -exact $options -all] >= 0} { return $results }
    if {[llength $results]} { return [lindex $results 0] }
    return [expr {[lsearch -regexp $options {^-(element|value|name|index)$}] >= 0 ? "" : 0}]
}
`;
