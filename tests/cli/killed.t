# runs that are killed at random moments, and resumed until they are done, end with the bits of runs
# that were left alone: whatever they train, and however
$ for i in $(seq 200); do echo "expert $i of the layer meets token $((i * 7 % 90))"; done > one.txt
$ for i in $(seq 200); do echo "token $i goes to expert $((i % 13)), then waits"; done > two.txt
$ for i in $(seq 60); do echo "{\"messages\": [{\"role\": \"user\", \"content\": \"Who takes $i?\"},
+     {\"role\": \"assistant\", \"content\": \"Expert $((i % 8))\"}]}" | tr -d '\n'; echo
+ done > talk.jsonl
$ for i in 1 2 3 4 5; do
+     echo "{\"prompt\": \"expert $i\", \"chosen\": \" of\", \"rejected\": \" not\"}"
+ done > pairs.jsonl
$ cadre train --recipe olmoe --data one.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --context 64 --experts 4 --topk 2 --expert-width 16 --batch 4 --steps 2 --out first --quiet
$ cadre convert first first.gguf --dtype q8_0 --quiet

# whole: the run left alone; cut: killed after some tens of milliseconds, later and later, at least
# five times, then resumed to its end
$ cat > survives << 'END'
+ name=$1 kills=0
+ shift
+ set -- cadre train "$@" --save-every 1 --seed 7 --lr 0.01 --schedule constant --quiet --out
+ "$@" "$name-whole" > /dev/null 2>&1 || exit
+ for ((i = 0; i < 60 && kills < 5; i++)); do
+     ms=$(printf %03d $((RANDOM % 40 + 15 * i)))
+     { timeout -s KILL "0.$ms" "$@" "$name-cut" --resume > /dev/null; } 2> /dev/null
+     [ $? -eq 137 ] && [ -e "$name-cut/run.json" ] && kills=$((kills + 1))
+ done
+ "$@" "$name-cut" --resume > /dev/null 2>&1 || exit
+ file=model.safetensors
+ [ -e "$name-whole/$file" ] || file=adapter_$file
+ cmp "$name-whole/$file" "$name-cut/$file" || exit
+ ls -A "$name-cut" | grep -q tmp && exit 3
+ own() { jq -c 'del(.tokens_per_second)' "$name-$1/metrics.jsonl"; }
+ [ ! -e "$name-whole/best" ] || cmp "$name-whole/best/$file" "$name-cut/best/$file" || exit
+ [ "$(own whole)" = "$(own cut)" ] && echo "$name: the same"
+ END
$ new="--recipe olmoe --data one.txt --layers 2 --width 32 --heads 2 --vocab 512 --context 32 \
+     --experts 4 --topk 2 --expert-width 16 --batch 4 --steps 40"
+ for o in adamw sgd adafactor muon; do bash survives $o $new --optimizer $o; done
+ bash survives bf16 $new --compute bf16 --recompute layers
+ bash survives weights $new --data one.txt two.txt --weights one=3,two=1
+ bash survives validation $new --validate-every 7 --keep 2 --skip-bad 1.5
> adamw: the same
> sgd: the same
> adafactor: the same
> muon: the same
> bf16: the same
> weights: the same
> validation: the same
$ bash survives packing --from first --data talk.jsonl --template chatml --pack documents \
+     --context 64 --batch 2 --steps 30
> packing: the same
$ bash survives adapter --from first.gguf --data one.txt --adapter lora --rank 2 --batch 4 \
+     --targets q,v,gate_up,down --context 32 --steps 30
> adapter: the same
$ bash survives preferences --from first --preference pairs.jsonl --batch 2 --steps 30
> preferences: the same
$ bash survives both --from first --preference pairs.jsonl --batch 2 --steps 30 --adapter lora
> both: the same
