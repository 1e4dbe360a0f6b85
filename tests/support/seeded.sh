# What the checks of planted mistakes share. Sourced with $copy, the directory that the source is
# copied to, and $table, the pieces: names, then the marks whose mistakes are made together (see plant).
# All are planted in one build; the variable PLANTED says which are made.

# One piece of the table a file.
split() {
    rm -rf "$copy/pieces"
    mkdir -p "$copy/pieces"
    awk -v dir="$copy/pieces" '
        /^#/ { next }
        /^$/ { if (open) { close(name); open = 0 } next }
        { if (!open) { count++; name = sprintf("%s/%03d", dir, count); open = 1 } print > name }
    ' "$table"
    pieces=$(ls "$copy/pieces" | wc -l)
}

# Tells whether a piece is asked for: its number, its names with bars around, then the arguments of
# the script, which are numbers (12), ranges (12-20, 12-) and names; without any, all are.
is_asked() {
    asked_number=$1
    asked_names=$2
    shift 2
    [ $# -gt 0 ] || return 0
    for wanted in "$@"; do
        case $wanted in
            *[!0-9-]*) case $asked_names in *"|$wanted|"*) return 0 ;; esac ;;
            *) first=${wanted%%-*}
                last=${wanted#*-}
                [ "$asked_number" -lt "$first" ] || [ "$asked_number" -gt "${last:-$pieces}" ] || return 0 ;;
        esac
    done
    return 1
}

# Names of the marks of a piece.
marks() {
    sed '1d; s/:.*//' "$1" | tr '\n' ' '
}
