#!/bin/sh
# large-texts.sh FOLDER MEGABYTES - makes a folder of texts to train on: three domains of that size
# together, one of them lines of JSON, one compressed. Words are drawn so that few are frequent, as
# in texts that people write; the same arguments give the same bytes.
set -eu
[ $# = 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
folder=$1 share=$(($2 / 3 + 1))
mkdir -p "$folder"

# words SEED MEGABYTES FORMAT: lines of words, plain or as objects
words() {
    awk -v seed="$1" -v most="$2" -v format="$3" 'BEGIN {
        srand(seed)
        split("a e i o u en al or in at on er", vowel)
        split("b d f g k l m n p r s t v z st tr", start)
        for (i = 0; i < 4000; i++) {
            word[i] = ""
            for (k = 0; k < 1 + i % 3; k++)
                word[i] = word[i] start[1 + int(rand() * 16)] vowel[1 + int(rand() * 12)]
        }
        for (i = 0; i < 3000; i++) {
            text = ""
            count = 5 + int(rand() * 60)
            for (k = 0; k < count; k++) text = text word[int(4000 * rand() ^ 3)] " "
            text = text "and no more."
            sentence[i] = format == "json" ? "{\"text\": \"" text "\"}" : text
        }
        bytes = most * 1000000
        while (bytes > 0) {
            line = sentence[int(rand() * 3000)]
            if (format != "json") line = line " " sentence[int(rand() * 3000)]
            print line
            bytes -= length(line) + 1
        }
    }'
}

words 1 "$share" plain > "$folder/prose.txt"
words 2 "$share" json > "$folder/notes.jsonl"
words 3 "$share" plain | gzip -1 > "$folder/packed.txt.gz"
