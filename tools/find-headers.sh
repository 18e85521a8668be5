#!/bin/sh
# find-headers.sh PURPOSE CC FLAGS... - asks the compiler for the headers that packages.txt lists
# for that purpose, and says which Debian package has what it does not find.
purpose=$1 packages=$(dirname "$0")/../packages.txt
shift
command -v "$1" > /dev/null || {
    echo "cadre needs a C compiler, and '$1' is none. On Debian: ./install-packages build" >&2
    exit 1
}
awk -v purpose="$purpose" '!/^#/ && $2 == purpose && $3 {
    printf "#if !__has_include(<%s>)\nmissing %s %s\n#endif\n", $3, $3, $1 }' "$packages" |
    "$@" -E -P -x c - | sed -n 's/^missing //p' | {
    found=0
    while read -r header package; do
        echo "cadre needs $header, which the compiler does not find. On Debian it is in" \
            "$package: ./install-packages $purpose" >&2
        found=1
    done
    exit $found
}
