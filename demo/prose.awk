# prose.awk - the prose of a manual that was laid out as plain text: tables, lists of contents,
# rules, commands with their output and the numbers of headings are left out, and the lines that a
# paragraph was broken into are joined again. Paragraphs are read, with LC_ALL=C: characters are
# counted by hand. Run it with -v margin=COLUMNS (the width that the text was laid out for) and -v
# spaces=0 for a language without them.

BEGIN { RS = ""; FS = "\n" }

# Columns that text takes on the page: a character of three bytes or more is two wide.
function columns(text,    wide) {
    wide = gsub(/[\340-\367]/, "&", text)
    gsub(/[\200-\277]/, "", text)
    return length(text) + wide
}

# What could not be broken off from the next line's beginning: its first word, or its first
# character.
function first_word(text,    at) {
    if (!spaces && text ~ /^[\340-\367]/) return substr(text, 1, 3)
    at = index(text, " ")
    return at ? substr(text, 1, at - 1) : text
}

function bare(line) { return match(line, /[^ \t]/) ? substr(line, RSTART) : "" }

# Was the line broken because the next word did not fit?
function was_full(line, next_line) {
    return columns(line) + 1 + columns(first_word(bare(next_line))) > margin
}

function glue(text, line) {
    if (text ~ /\/$/ || line ~ /^\//) return ""
    if (!spaces && text ~ /[\200-\377]$/ && line ~ /^[\200-\377]/) return ""
    return " "
}

function joined(    text, i) {
    text = bare($1)
    if (NF == 1 && $1 !~ /^ /) sub(/^[0-9A-Z]+(\.[0-9]+)*\. /, "", text)
    for (i = 2; i <= NF; i++)
        text = text (was_full($(i - 1), $i) ? glue(text, bare($i)) : "\n") bare($i)
    return text
}

function count_lines(pattern,    i, n) {
    for (i = 1; i <= NF; i++) n += $i ~ pattern
    return n
}

function is_table() { return count_lines("^ *[|+]") > NF / 2 }
function is_listing() {
    return count_lines("^ *[$#%] ") > 0 || count_lines("[^ .]  +[^ ]") > NF / 2
}
function is_rule() { return count_lines("[[:alnum:]\200-\377]") == 0 }
function is_contents() { return NF > 2 && count_lines("^ *[0-9A-Z]+(\\.[0-9]+)*\\. ") > NF / 2 }

# A table's title stands before it, as does the heading of a list of contents.
is_table() || is_contents() {
    if (waiting_is_title) waiting = ""
    next
}
is_rule() || is_listing() { next }
{
    if (waiting != "") print waiting "\n"
    waiting = joined()
    waiting_is_title = NF < 4 && ($1 !~ /^ / || $1 ~ /[0-9A-Z]\.[0-9]+/)
}
END { if (waiting != "") print waiting }
