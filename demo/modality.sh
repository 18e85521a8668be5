#!/bin/bash
# modality.sh - a model of text and images learns flags and icons with their names, in about five
# minutes on two cores: gets images and texts of Debian packages, trains with a bank of experts
# for each type of token, measures both types, draws images of words, and makes the report.
# `make demo-modality` runs it; `make demo-modality MINUTES=1` trains for one minute.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
cadre=${1:-build/cadre} work=demo/modality data=demo/modality/data run=demo/modality/run
minutes=${MINUTES:-4} most_minutes=$(awk "BEGIN { print 2 * ${MINUTES:-4} }")
# Some thirty times every image; on two cores four minutes are enough for more.
enough_tokens=1300000
shown="fr jp it se pl id ch gr"

part=0
say() { printf '\n== %d of 5: %s\n' $((++part)) "$*" >&2; }

# The files of a package: downloaded once, unpacked without root.
unpack() {
    local package=$1 folder=$work/packages/$1
    [ -d "$folder" ] && return
    printf '%s ' "$package" >&2
    mkdir -p "$work/packages"
    rm -rf "$folder.part" && mkdir "$folder.part"
    (cd "$folder.part" && apt-get download -qq "$package" 2> /dev/null && dpkg-deb -x ./*.deb . &&
        rm ./*.deb) || {
        echo "$package could not be downloaded; 'apt-get update' as root may help" >&2
        exit 1
    }
    mv "$folder.part" "$folder"
}

# fr.png beside fr.txt, "The flag of France (French Republic).": one document.
make_flags() {
    local code name official
    local flags=$work/packages/iso-flags-png-320x240/usr/share/iso-flags-png-320x240
    mkdir -p "$data/flags"
    jq -r '."3166-1"[] | [(.alpha_2 | ascii_downcase), .common_name // .name,
            .official_name // .name] | @tsv' \
        "$work/packages/iso-codes/usr/share/iso-codes/json/iso_3166-1.json" |
        while IFS=$'\t' read -r code name official; do
            [ -f "$flags/$code.png" ] || continue
            cp "$flags/$code.png" "$data/flags/$code.png"
            echo "The flag of $name ($official)." > "$data/flags/$code.txt"
        done
}

# "An icon of devices: audio card."
make_icons() {
    local file kind name
    mkdir -p "$data/icons"
    find "$work/packages/tango-icon-theme/usr/share/icons/Tango/32x32" -type f -name '*.png' |
        while read -r file; do
            kind=$(basename "$(dirname "$file")") name=$(basename "$file" .png)
            cp "$file" "$data/icons/$kind-$name.png"
            echo "An icon of $kind: ${name//[-_]/ }." > "$data/icons/$kind-$name.txt"
        done
}

# Bits of each type of token on held-out documents, all domains together.
show_bits() {
    jq -r '.types[] | "\(.name) \(.tokens) \(.bits_per_token) \(.experts)"' "$run/analysis.json" |
        awk '{ printf "%-6s %6d held-out tokens, %.2f bits each, %d experts of their own\n",
               $1, $2, $3, $4 }'
}

# How evenly a type's tokens use its bank.
show_loads() {
    jq -r '.types as $types | .type_expert | to_entries[] | .key as $layer |
        .value | to_entries[] | .key as $type | .value as $picks | ($picks | add) as $all |
        "layer \($layer), \($types[$type].name): " + ([$picks | to_entries[] |
            select(.value > 0) | "\(.key): \(100 * .value / $all | round) %"] | join(", "))' \
        "$run/analysis.json"
}

# The words as they stand in the document, their line feed too, and the begin of an image.
draw() {
    local code
    rm -rf "$work/drawn" && mkdir -p "$work/drawn"
    for code in $shown; do
        "$cadre" generate "$run" -p "$(cat "$data/flags/$code.txt")"$'\n<|image|>' -n 64 \
            --greedy --images "$work/drawn/part" --quiet > /dev/null
        mv "$work/drawn/part/1.png" "$work/drawn/$code.png"
    done
    rmdir "$work/drawn/part"
}

say "images and texts of three Debian packages"
for package in iso-flags-png-320x240 iso-codes tango-icon-theme; do unpack "$package"; done
if [ ! -d "$data" ]; then
    whole=$data data=$data.part
    rm -rf "$data"
    make_flags
    make_icons
    mv "$data" "$whole"
    data=$whole
fi
printf '%d images, each with its words\n' "$(find "$data" -name '*.png' | wc -l)" >&2

say "training for $minutes minutes (Ctrl-C stops with a checkpoint; running it again goes on)"
# An image is 64 patches of 4 by 4 pixels, and the words in front tell of it.
"$cadre" train --recipe qwen3-moe --banks text=4,image=4 --topk 2 --shared-experts 1 \
    --layers 3 --width 128 --expert-width 96 --tie --vocab 700 --context 192 --batch 4 \
    --lr 0.003 --data "$data" --image-size 32 --image-patch 4 --image-codes 512 \
    --image-order last --minutes "$minutes" --min-tokens "$enough_tokens" \
    --max-minutes "$most_minutes" --out "$run" --resume

say "both types on documents that it has not seen"
show_bits

say "words to images: flags that it has seen, drawn of their names"
draw
for code in $shown; do
    printf '%s/drawn/%s.png  %s\n' "$work" "$code" "$(cat "$data/flags/$code.txt")"
done

say "who takes which"
show_loads
"$cadre" report "$run" --out "$work/report.html" --quiet
echo
echo "the report: $work/report.html"
