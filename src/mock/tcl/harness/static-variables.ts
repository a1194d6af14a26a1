/** Tcl: the variables in static::, which all connections share. */
export const staticVariablesTcl = String.raw`
namespace eval ::tmm {
    # static:: variables, by name: whether it is an array, and its value.
    variable static
    array set static {}
}

# Variables in static:: are those of the TMM, so each connection's interpreter gets them before it runs a script.
proc ::tmm::write_static {child} {
    variable static
    foreach name [array names static] {
        foreach {is_array value} $static($name) { break }
        interp eval $child [list unset -nocomplain ::static::$name]
        interp eval $child [concat [expr {$is_array ? {array set} : {set}}] [list ::static::$name $value]]
    }
}

proc ::tmm::read_static {child} {
    variable static
    foreach name [interp eval $child { info vars ::static::* }] {
        set is_array [interp eval $child [list array exists $name]]
        set value [interp eval $child [expr {$is_array ? [list array get $name] : [list set $name]}]]
        set static([string range $name 10 end]) [list $is_array $value]
    }
}
`;
