#!/bin/bash
# demo.sh - a sparse language model learns eight languages on this machine, in about five minutes, and shows what it learnt:
# gets real text, trains, evaluates beside xz, writes a sample in each language, draws the report. `make demo` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
cadre=${1:-build/cadre} data=demo/data run=demo/run minutes=${MINUTES:-3}
languages="en de fr es it pt ja zh-cn"
declare -A begins=(
    [en]="The Debian system" [de]="Das Debian-System" [fr]="Le système Debian" [es]="El sistema Debian"
    [it]="Il sistema Debian" [pt]="O sistema Debian" [ja]="Debian システム" [zh-cn]="Debian 系统")

say() { printf '\n== %s\n' "$*" >&2; }

# The Debian Reference in each language, as plain text: downloaded once, unpacked without root.
get_text() {
    local language=$1 text=$data/text/$1.txt work
    [ -s "$text" ] && return
    work=$(mktemp -d)
    (cd "$work" && apt-get download -qq "debian-reference-$language" 2>/dev/null && dpkg-deb -x ./*.deb .) ||
        { echo "debian-reference-$language could not be downloaded; 'apt-get update' as root may help" >&2; exit 1; }
    mkdir -p "$data/text"
    zcat "$work/usr/share/debian-reference/debian-reference.$language.txt.gz" > "$text.part"
    mv "$text.part" "$text"
    rm -rf "$work"
}

packed() { xz -9e -c | wc -c; }

# compare.json: bits per byte of xz on the same bytes, alone, and as what they add to the size of the training text.
compare() {
    for language in $languages; do
        local held_out=$run/validation/$language.txt bytes training
        bytes=$(wc -c < "$held_out")
        training=$(head -c "-$bytes" "$data/text/$language.txt" | packed)
        echo "$language $bytes $(packed < "$held_out") $(($(packed < "$data/text/$language.txt") - training))"
    done | jq -Rn '[inputs | split(" ")] | def bits(column): map({(.[0]): (8 * (.[column] | tonumber) / (.[1] | tonumber))}) | add;
        [{name: "xz -9e", domains: bits(2)},
         {name: "xz -9e, primed", note: "what the text adds to the size of the compressed training text", domains: bits(3)}]' \
        > "$run/compare.json"
}

show_bits() {
    "$cadre" eval "$run" --text "$run"/validation/*.txt --json |
        jq -r --slurpfile xz "$run/compare.json" '"language cadre xz primed",
            (.files[] | (.file | split("/") | last | rtrimstr(".txt")) as $name |
             "\($name) \(.bits_per_byte) \($xz[0][0].domains[$name]) \($xz[0][1].domains[$name])")' |
        awk 'NR == 1 { printf "%-10s %12s %12s %12s   (bits per byte, less is better)\n", $1, $2, $3, $4; next }
             { printf "%-10s %12.3f %12.3f %12.3f\n", $1, $2, $3, $4 }'
}

say "text: the Debian Reference in eight languages"
for language in $languages; do get_text "$language"; done
du -cb "$data"/text/*.txt | tail -1 | awk '{ printf "%.1f MB\n", $1 / 1e6 }' >&2

say "training for $minutes minutes (Ctrl-C stops with a checkpoint; run this again to go on)"
# small enough that two cores show it a million tokens in three minutes
"$cadre" train --recipe olmoe --layers 3 --experts 32 --topk 4 --expert-width 128 --batch 4 --lr 0.003 \
    --data "$data/text" --minutes "$minutes" --out "$run" --resume

say "bits per byte on text that it has not seen, beside xz"
compare
show_bits

say "what it writes"
for language in $languages; do
    printf '%s: %s' "$language" "${begins[$language]}"
    "$cadre" generate "$run" -p "${begins[$language]}" -n 48 --temperature 0.7 --seed 1 --quiet | tr '\n' ' '
    echo
done

say "the report"
"$cadre" report "$run" --out demo/report.html
