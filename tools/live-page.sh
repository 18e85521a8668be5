#!/bin/sh
# live-page.sh HTML FILE... - prints C source that holds the live page as one text, `live_page`:
# HTML with the files' styles and scripts where its empty <style> and <script> are; and as
# `live_policy` what a browser may do for it: run that script, apply that style, ask its own server.
set -eu
html=$1
shift
styles=
scripts=
for file; do
    case $file in
        *.css) styles="$styles $file" ;;
        *.js) scripts="$scripts $file" ;;
    esac
done
put() { od -An -v -tu1 | sed 's/ *\([0-9][0-9]*\)/\1,/g'; }
# The hash of stdin as a policy states it: base64 of the 32 bytes that sha256sum prints as digits.
digest() {
    sum=$(sha256sum | cut -c 1-64 | sed 's/../\\x&/g')
    env printf "$sum" | base64 # the shell's own may know no \x
}
printf 'extern const char live_page[], live_policy[];\nconst char live_page[] = {\n'
# shellcheck disable=SC2086
{
    sed '/<style><\/style>/,$d' "$html"
    printf '<style>'
    cat $styles
    printf '</style>\n'
    sed -e '1,/<style><\/style>/d' -e '/<script><\/script>/,$d' "$html"
    printf '<script>'
    cat $scripts
    printf '</script>\n'
    sed '1,/<script><\/script>/d' "$html"
} | put
printf '0 };\nconst char live_policy[] = "default-src '"'none'"'; connect-src '"'self'"'; "\n'
# shellcheck disable=SC2086
printf '    "style-src '"'sha256-%s'"'; "\n' "$(cat $styles | digest)"
printf '    "script-src '"'sha256-%s'"'; "\n' "$(cat $scripts | digest)"
printf '    "base-uri '"'none'"'; form-action '"'none'"'; frame-ancestors '"'none'"'";\n'
