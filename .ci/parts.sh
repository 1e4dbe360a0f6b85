# Runs named parts, goes on after one that fails, and says at the end how long each took and what
# failed. Source this file; it needs no bash.

parts_report=
parts_failed=
parts_began=$(date +%s)

# part NAME COMMAND...: runs the command; its output goes on to the terminal.
part() {
    part_name=$1
    shift
    part_began=$(date +%s)
    printf '\n==> %s\n' "$part_name"
    if "$@"; then
        part_result=passed
    else
        part_result=FAILED
        parts_failed="$parts_failed $part_name"
    fi
    parts_report="$parts_report$(printf '%6s s  %-6s  %s' $(($(date +%s) - part_began)) "$part_result" "$part_name")
"
}

# parts_end WHAT: prints the table and one line of summary; fails if any part did.
parts_end() {
    printf '\n%s' "$parts_report"
    parts_took=$(($(date +%s) - parts_began))
    if [ -z "$parts_failed" ]; then
        echo "$1: every part passed, in $parts_took s"
    else
        echo "$1: FAILED:$parts_failed, in $parts_took s"
        return 1
    fi
}
