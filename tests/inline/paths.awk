# SPDX-License-Identifier: MIT
# paths.awk: follows every path through one function of an objdump -dr listing: awk -v function_name=NAME
#
# A path ends at a return, or where it leaves for a function whose name ends in _slow; a call of or jump
# to anything else, a lock prefix, or a loop is an error. Prints how many instructions the longest
# path to a return has.

/^[0-9a-f]+ </ {
    inside = ($2 == "<" function_name ">:")
    next
}

# The symbol that a jump or call goes to stands on a line of its own behind it.
inside && /R_X86_64_/ {
    target = $3
    sub(/[-+]0x[0-9a-f]+$/, "", target)
    symbol[count] = target
    next
}

inside && /^ *[0-9a-f]+:/ {
    address = $1
    sub(/:$/, "", address)
    text = $0
    sub(/^ *[0-9a-f]+:[ \t]*/, "", text)
    count++
    instruction[count] = text
    place[address] = count
}

function fail(at, why) {
    if (!failed) {
        print function_name ": " why ": " instruction[at]
    }
    failed = 1
}

# Out of the function: only slow paths may.
function leave(at) {
    if (symbol[at] !~ /_slow$/) {
        fail(at, "leaves for something that is no slow path")
    }
}

function follow(at, steps, words, name, to) {
    for (;; at++) {
        if (at > count || steps > 200) {
            fail(at, "no end, or a loop")
            return
        }
        split(instruction[at], words, /[ \t]+/)
        name = words[1]
        if (name ~ /^nop|^endbr|^data16|^cs$/) {
            continue
        }
        steps++
        if (name == "lock" || instruction[at] ~ /^xchg .*\(/) {
            fail(at, "a locked instruction")
        }
        if (name ~ /^ret/) {
            if (steps > longest) {
                longest = steps
            }
            return
        }
        if (name ~ /^call/ || (name == "jmp" && at in symbol)) {
            leave(at)
            return
        }
        if (name ~ /^j/) {
            to = words[2]
            if (at in symbol) {
                leave(at)
            } else if (!(to in place)) {
                fail(at, "goes where nobody can follow")
            } else {
                follow(place[to], steps)
            }
            if (name == "jmp" || failed) {
                return
            }
        }
    }
}

END {
    if (count == 0) {
        print function_name ": is not there"
        exit 1
    }
    follow(1, 0)
    if (!failed && longest == 0) {
        print function_name ": no path returns"
        failed = 1
    }
    if (failed) {
        exit 1
    }
    print longest
}
