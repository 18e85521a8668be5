#!/bin/sh
# embed.sh FILE - prints C source that holds FILE as a string under its own name without the ending:
# page_style.css -> page_style.
set -eu
name=$(basename "$1")
printf 'extern const char %s[];\nconst char %s[] = {\n' "${name%.*}" "${name%.*}"
od -An -v -tu1 "$1" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
printf '0 };\n'
