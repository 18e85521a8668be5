#!/bin/bash
# demo.sh - a sparse language model learns eight languages on this machine, in about five minutes,
# and shows what it learnt: gets real text, trains, compares its bits per byte with xz, writes a
# sample in each language, draws the report. `make demo` runs it; `make demo MINUTES=1` trains for
# one minute. A machine that is too slow, or busy, to see enough text in that time trains up to
# twice as long.
set -euo pipefail
export LC_ALL=C.UTF-8
cadre=${1:-build/cadre} data=demo/data run=demo/run minutes=${MINUTES:-3}
most_minutes=$(awk "BEGIN { print 2 * $minutes }")
# With 385,024 it just beat xz -9e in all eight languages, German (3.15 of 3.17) last; this leaves
# room.
enough_tokens=500000
languages="en de fr es it pt ja zh-cn"
declare -A begins=(
    [en]="The Debian system" [de]="Das Debian-System" [fr]="Le système Debian"
    [es]="El sistema Debian" [it]="Il sistema Debian" [pt]="O sistema Debian"
    [ja]="Debian システム" [zh-cn]="Debian 系统")

part=0
say() { printf '\n== %d of 5: %s\n' $((++part)) "$*" >&2; }

# The Debian Reference in each language, as plain text: downloaded once, unpacked without root, its
# prose alone.
get_text() {
    local language=$1 text=$data/text/$1.txt work spaces=1
    [ "$text" -nt demo/prose.awk ] && return
    printf '%s ' "$language" >&2
    [[ $language = ja || $language = zh-* ]] && spaces=0
    work=$(mktemp -d)
    (cd "$work" && apt-get download -qq "debian-reference-$language" 2>/dev/null &&
        dpkg-deb -x ./*.deb .) || {
        echo "debian-reference-$language could not be downloaded;" \
            "'apt-get update' as root may help" >&2
        exit 1
    }
    mkdir -p "$data/text"
    zcat "$work/usr/share/debian-reference/debian-reference.$language.txt.gz" |
        LC_ALL=C sed -e 's/\xc2\xa0/ /g' -e 's/[[:space:]]*$//' |
        LC_ALL=C awk -v margin=69 -v spaces=$spaces -f demo/prose.awk > "$text.part"
    mv "$text.part" "$text"
    rm -rf "$work"
}

packed() { xz -9e -c | wc -c; }

# compare.json: bits per byte of xz on the same bytes, alone, and as what they add to the size of
# the training text.
compare() {
    local language held_out bytes training added
    for language in $languages; do
        held_out=$run/validation/$language.txt
        bytes=$(wc -c < "$held_out")
        training=$(head -c "-$bytes" "$data/text/$language.txt" | packed)
        added=$(($(packed < "$data/text/$language.txt") - training))
        echo "$language $bytes $(packed < "$held_out") $added"
    done | jq -Rn '[inputs | split(" ")] |
        def bits(column): map({(.[0]): (8 * (.[column] | tonumber) / (.[1] | tonumber))}) | add;
        [{name: "xz -9e", domains: bits(2)},
         {name: "xz -9e, primed", domains: bits(3),
          note: "what the text adds to the size of the compressed training text"}]' \
        > "$run/compare.json"
}

# 1234567 as 1,234,567
grouped() { sed -E ':more; s/([0-9])([0-9]{3})(,|$)/\1,\2\3/; t more' <<< "$1"; }

# What the end of training found on the texts that were kept apart, beside xz; and why xz may be
# ahead, where the model has seen too little.
show_bits() {
    local seen
    seen=$(jq .tokens "$run/run.json")
    jq -r --slurpfile xz "$run/compare.json" '.domains[] |
        "\(.name) \(.bits_per_byte) \($xz[0][0].domains[.name]) \($xz[0][1].domains[.name])"' \
        "$run/analysis.json" |
        awk 'BEGIN { head = "%-10s %10s %10s %26s\n"
                     printf head, "", "cadre", "xz -9e", "xz -9e, having packed the"
                     printf head, "", "", "", "training text before it" }
             { printf "%-10s %10.2f %10.2f %26.2f\n", $1, $2, $3, $4; better += $2 < $3 }
             END { printf "bits per byte, fewer is better: "
                   printf "cadre needs fewer than xz -9e in %d of %d languages\n", better, NR }'
    [ "$seen" -ge "$enough_tokens" ] ||
        echo "the model saw $(grouped "$seen") of the $(grouped "$enough_tokens") tokens that it" \
            "needs for all of them: on a less busy machine it does better"
}

# How much one pick of an expert tells about the language of the text, of log2(8) = 3 bits.
show_shares() {
    jq -r --slurpfile run "$run/run.json" \
        '[[$run[0].sparse_layers[].layer], .domain_information] | transpose[] |
        "\(.[0]) \(.[1].bits) \(.[1].most)"' "$run/analysis.json" |
        awk '{ printf "layer %d: one pick of an expert tells %.2f of %.2f bits", $1, $2, $3
               print " about the language" }'
}

# Lines of at most 76 columns, broken at spaces where there are any; Chinese and Japanese characters
# take two.
wrap() {
    local text=$1 line="" word="" width=0 word_width=0 i c
    for ((i = 0; i <= ${#text}; i++)); do
        c=${text:i:1}
        if [[ $c = [[:space:]] || -z $c || $c > $'\u2fff' ]]; then
            if ((width + word_width > 76)); then
                printf '    %s\n' "$line"
                line="" width=0 word=${word# }
            fi
            line+=$word width=$((width + word_width)) word="" word_width=0
        fi
        if [[ $c = $'\n' ]]; then
            [ -z "$line" ] || printf '    %s\n' "$line"
            line="" width=0
        elif [[ $c > $'\u2fff' ]]; then
            word+=$c word_width=$((word_width + 2))
        else
            word+=$c word_width=$((word_width + 1))
        fi
    done
    [ -z "$line" ] || printf '    %s\n' "$line"
}

show_samples() {
    local language
    for language in $languages; do
        printf '%s\n' "$language"
        wrap "${begins[$language]}$("$cadre" generate "$run" -p "${begins[$language]}" -n 128 \
            --temperature 0.8 --top-p 0.9 --quiet)"
    done
}

# A test sources the functions.
[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

cd "$(dirname "$0")/.."
say "text: the prose of the Debian Reference in eight languages"
for language in $languages; do get_text "$language"; done
du -cb "$data"/text/*.txt | tail -1 | awk '{ printf "%.1f MB of text\n", $1 / 1e6 }' >&2
[ "${2:-}" != text ] || exit 0 # that is all that others want

say "training for $minutes minutes (Ctrl-C stops with a checkpoint; 'make demo' goes on from it)"
# Small enough that two cores show it most of a million tokens in three minutes. An expert that all
# tokens share leaves the others free to take to languages, and the loss of a sequence's entropy
# makes them; an output matrix that is the embedding learns faster from so little text.
"$cadre" train --recipe olmoe --layers 3 --experts 32 --topk 3 --shared-experts 1 \
    --expert-width 128 --tie --batch 4 --lr 0.003 --aux-loss 0.02 --sequence-entropy 0.02 \
    --data "$data/text" --minutes "$minutes" --min-tokens "$enough_tokens" \
    --max-minutes "$most_minutes" --out "$run" --resume

say "what it learnt: text that it has not seen, beside xz"
compare
show_bits
show_shares

say "what it writes"
show_samples

say "the report"
"$cadre" report "$run" --out demo/report.html
cat << END

Try next:
    $cadre generate $run -p "Das Debian-System" -n 200 --temperature 0.8 --top-p 0.9
    $cadre train --recipe deepseek-v3 --data $data/text --minutes $minutes --out demo/deepseek
    $cadre report $run demo/deepseek --out demo/compare.html
END
