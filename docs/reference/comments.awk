# SPDX-License-Identifier: MIT
# comments.awk: the comments of a public header as Doxygen wants them; see docs/reference/Doxyfile.
#
#   the head comment                   \file: its rows become a table, what is indented code
#   /* ---- life ---- */               \name of the group of functions below it
#   a comment at the left margin       /** of what follows it
#   a comment behind a member          /**<

function escaped(text) {
    gsub(/\\/, "\\\\\\\\", text)
    gsub(/[<>#@%]/, "\\\\&", text)
    gsub(/\*/, "\\*", text)
    return text
}

# Text of a comment; what is indented by four is code already, for Markdown.
function body(text,    stripped) {
    stripped = text
    sub(/^ \*/, "", stripped)
    if (stripped ~ /^     /) return text
    return escaped_but_frame(text)
}

function escaped_but_frame(text,    head, tail) {
    head = ""; tail = ""
    if (match(text, /^ *\/?\*+/)) { head = substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1) }
    if (match(text, /\*\/ *$/)) { tail = substr(text, RSTART); text = substr(text, 1, RSTART - 1) }
    return head escaped(text) tail
}

NR == 1 { print "/** \\file"; in_head = 1; next }

in_head {
    if (NR == 2) sub(/^ \* [a-z_]+\.h: /, " * ")
    if ($0 ~ /^ \*\/$/) { in_head = 0; print; next }
    if ($0 ~ /^ \*     /  && !row) { print; next }
    if (match($0, /^ \* [A-Z][A-Za-z_]+  +/) || $0 ~ /^ \* Sanitizers in/) {
        if (!RLENGTH || RLENGTH < 0) match($0, /^ \* Sanitizers /)
        key = substr($0, 4, RLENGTH - 3); sub(/ +$/, "", key)
        print " * \\par " key
        print " * " escaped(substr($0, RLENGTH + 1)); row = 1; next
    }
    if (row && $0 ~ /^ \*     /) { sub(/^ \* +/, ""); print " * " escaped($0); next }
    row = 0
    print body($0)
    next
}

/^\/\* ---- .* ---- \*\/$/ {
    sub(/^\/\* ---- /, ""); sub(/ ---- \*\/$/, "")
    if (in_group) print "/**@}*/"
    print "/** \\name " toupper(substr($0, 1, 1)) substr($0, 2) " */\n/**@{*/"
    in_group = 1
    next
}

/^#ifdef __cplusplus/ && in_group { print "/**@}*/"; in_group = 0 }

# A comment is told again for each declaration behind it, up to an empty line.
/^$/ { shared = "" }
/^(PK_API|static inline|typedef [a-z]+ pk_[a-z_]+\(|#define pk_)/ {
    if (shared != "" && described) print shared
    described = 1
}

# The code of inline functions stays as it is.
/^static inline/ { in_function = 1 }
in_function {
    if ($0 ~ /^}/) in_function = 0
    print
    next
}

/^ *\/\*/ { # a comment on lines of its own
    sub(/\/\*/, "/**")
    in_comment = ($0 !~ /\*\//)
    shared = escaped_but_frame($0)
    described = 0
    print shared
    next
}

in_comment {
    if ($0 ~ /\*\//) in_comment = 0
    shared = shared "\n" body($0)
    print body($0)
    next
}

/[;,({A-Z0-9_] +\/\* / && !/^#/ { # behind a member
    at = index($0, "/*")
    in_comment = ($0 !~ /\*\//)
    shared = ""
    print substr($0, 1, at - 1) "/**<" escaped_but_frame(substr($0, at + 2))
    next
}

{ print }
