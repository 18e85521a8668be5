#!/bin/bash
# findings.sh [CADRE] - trains the small models of runs.sh side by side on the demo's text, and
# writes one page of what they say about published findings. `make findings` runs it: an hour on
# two cores. What is done stays done: after Ctrl-C, or with other seeds, the same command goes on.
#
#   STEPS=400         optimiser steps of a run
#   SEEDS="1 2 3"     seeds, all runs of the first before those of the second
#   ONLY=PATTERN      only runs whose name or group this extended expression matches
#   JOBS=N            runs at once, one thread each (default: the cores)
#   TEXT=DIR          texts of your own instead of the demo's
#   OUT=DIR           where everything goes (default: findings/out)
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
. findings/runs.sh
cadre=${1:-build/cadre}
export STEPS=${STEPS:-400} SEEDS=${SEEDS:-1 2 3} OUT=${OUT:-findings/out}
results=$OUT/runs/steps-$STEPS models=$OUT/models

# A router that the program has and the table does not name joins by itself.
new_routers() {
    local router all
    all=$(runs)
    for router in $("$cadre" help train | awk '/^  --/ { inside = $1 == "--router" }
        inside && /^    [a-z]/ { print $1 }'); do
        [[ $all = *"--router $router "* ]] || echo "$router | routers | --router $router $k2 $none"
    done
}

table() {
    runs
    new_routers
}

# The first 120 kB of each text, in whole lines: a run sees each token about once.
get_text() {
    local text
    [ ! -f "$OUT/text/.done" ] || return 0
    [ -n "${TEXT:-}" ] || demo/demo.sh "$cadre" text
    mkdir -p "$OUT/text"
    for text in "${TEXT:-demo/data/text}"/*.txt; do
        head -c 120000 "$text" | sed '$d' > "$OUT/text/${text##*/}"
    done
    touch "$OUT/text/.done"
}

options_of() {
    table | awk -F ' *[|] *' -v name="$1" '$1 == name && $3 != "" && !n++ { print $3 }'
}

# train LOG OPTION...: what the run printed in JSON; one that sees the future is trained all the
# same.
train() {
    local log=$1 status=0
    shift
    "$cadre" train "$@" 2> "$log" || status=$?
    if [ $status != 0 ] && grep -q -- --allow-lookahead "$log"; then
        status=0
        "$cadre" train "$@" --allow-lookahead 2> "$log" || status=$?
    fi
    return $status
}

# What one run says: held-out bits per byte, and how the last quarter of its steps was balanced.
measure() {
    jq -n --arg name "$1" --argjson seed "$2" --arg options "$3" --arg shared "$shared" \
        --slurpfile summary "$4/summary.json" --slurpfile analysis "$4/analysis.json" \
        --slurpfile run "$4/run.json" --slurpfile metrics "$4/metrics.jsonl" \
        -f findings/measure.jq
}

# one NAME SEED: unless its result is there, trains it.
one() {
    local name=$1 seed=$2 folder=$models/$1-$2 result=$results/$1-$2 steps=$STEPS
    local options rest parent status=0
    options=$(options_of "$name")
    ! jq -e --arg options "$options" --arg shared "$shared" \
        '.options == $options and .shared == $shared' "$result.json" > /dev/null 2>&1 || return 0
    rm -rf "$folder" "$result.refused"
    mkdir -p "$models" "$results"
    rest=$options
    case $rest in half*) rest=${rest#half} steps=$((STEPS / 2)) ;; esac
    case $rest in
        *from*)
            read -r parent rest <<< "${rest#*from }"
            # shellcheck disable=SC2086
            "$cadre" upcycle "$models/$parent-$seed" "$folder.begin" ${rest%% -- *} \
                --seed "$seed" --quiet --json > /dev/null 2> "$folder.log" || status=$?
            rest="--from $folder.begin --context 128 --batch 8 --lr 0.003 ${rest#* -- }"
            ;;
        *) rest="$shared $rest" ;;
    esac
    # shellcheck disable=SC2086
    [ $status != 0 ] ||
        train "$folder.log" $rest --data "$OUT/text" --steps "$steps" --seed "$seed" --threads 1 \
            --out "$folder" --metrics "$folder.metrics" --quiet --json > "$folder.summary" ||
        status=$?
    finish
}

# Result or refusal; of the models, those that others grow from are kept.
finish() {
    case $status in
        0)
            mv "$folder.summary" "$folder/summary.json"
            rm -f "$folder.metrics"
            measure "$name" "$seed" "$options" "$folder" > "$result.part"
            mv "$result.part" "$result.json"
            bits=$(jq -r '.bits * 1000 | round / 1000' "$result.json")
            echo "$name, seed $seed: $bits bits per byte" >&2
            ;;
        130 | 143) exit 255 ;; # interrupted: xargs stops
        *)
            { sed -n 's/^cadre: //p' "$folder.log" | grep . || echo "ended with status $status"; } |
                head -1 > "$result.refused"
            echo "$name, seed $seed: left out: $(cat "$result.refused")" >&2
            ;;
    esac
    [[ $(runs) = *" from $name "* ]] || rm -rf "$folder"
    rm -rf "$folder.begin" "$folder".{log,summary,metrics}
}

# All results in the table's order, each with the groups that show it. NAME-*.json would be those of
# NAME-bias too: what follows the name is a seed.
collect() {
    local name groups file seed
    while IFS='|' read -r name groups _; do
        name=${name// /}
        for file in "$results/$name"-*.json "$results/$name"-*.refused; do
            seed=${file##*/"$name"-} seed=${seed%.*}
            [[ $seed =~ ^[0-9]+$ ]] || continue
            case $file in
                *.json) cat "$file" ;;
                *) jq -R --arg name "$name" '{name: $name, refused: .}' "$file" ;;
            esac | jq -c --arg groups "$groups" \
                '. + {groups: ($groups | split(" ") | map(select(. != "")))}'
        done
    done < <(table)
}

page() {
    local all=$OUT/results-$STEPS.jsonl form
    collect > "$all"
    for form in html md; do
        jq -rn --slurpfile results "$all" --slurpfile published findings/published.json \
            --arg steps "$STEPS" -L findings -f "findings/page_$form.jq" > "$OUT/findings.$form"
    done
    jq -rs --arg out "$OUT" 'map(select(.bits)) | unique_by([.name, .seed]) |
        "\($out)/findings.html and .md: \(length) runs"' "$all" >&2
}

# Runs that grow from another come after it.
todo() {
    local seed
    for seed in $SEEDS; do
        table | awk -F ' *[|] *' -v only="${ONLY:-.}" -v seed="$seed" -v from="$1" \
            '($1 ~ only || $2 ~ only) && $3 != "" && ($3 ~ / from /) == from { print $1, seed }'
    done
}

if [ "${2:-}" = one ]; then
    one "$3" "$4"
    exit
fi
get_text
mkdir -p "$results"
status=0
for from in 0 1; do
    [ $status != 0 ] || todo $from |
        xargs -r -P "${JOBS:-$(nproc)}" -L 1 findings/findings.sh "$cadre" one || status=$?
done
page
exit $status
