# adapters: trained, run, merged, gone on with, and refused
$ for i in $(seq 400); do echo "expert $i of the layer meets token $((i * 7 % 90))"; done > text.txt
$ cadre train --recipe olmoe --data text.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --experts 4 --topk 2 --batch 4 --context 32 --steps 3 --out first --quiet
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 6 --lr 0.01 \
+     --schedule constant --adapter lora --rank 2 --alpha 4 --targets q,v,gate,up,down --out mine \
+     --json --quiet > /dev/null && ls mine
> adapter_config.json
> adapter_model.safetensors
> analysis.json
> metrics.jsonl
> run.json
> training-state-000000006.safetensors
> validation

# at the end it is looked at with the texts that were kept apart; a compressed text is read
$ cadre eval first --adapter mine --text mine/validation/text.txt --json |
+     jq '.files[0].bits_per_byte * 1e6 | round' > a.txt
$ jq '.domains[0].bits_per_byte * 1e6 | round' mine/analysis.json | cmp a.txt
$ gzip -k mine/validation/text.txt; mv mine/validation/text.txt.gz . && cadre eval first \
+     --adapter mine --text text.txt.gz --json | jq '.files[0].bits_per_byte * 1e6 | round' |
+     cmp a.txt
$ head -c 100 text.txt.gz > half.gz; cadre eval first --text half.gz
2> cadre: half.gz: expected a whole file compressed by gzip, found that it ends too early
? 1
$ cadre report mine --out mine.html --quiet

# it changes what the model says, and merged into it says nearly the same
$ cadre logits first --tokens 5,6,7,8 --out first.st && cadre logits first --adapter mine \
+     --tokens 5,6,7,8 --out mine.st && ! cmp -s first.st mine.st
$ cadre merge-adapter first mine merged --quiet
$ cadre merge-adapter first mine merged.gguf --dtype q8_0 --quiet
$ cadre eval first --adapter mine --text text.txt | grep -v seconds > a.txt && \
+     cadre eval first --text text.txt | grep -v seconds > b.txt; ! cmp -s a.txt b.txt
$ cadre generate first --adapter mine -p expert -n 8 --greedy > a.txt
$ cadre generate merged -p expert -n 8 --greedy > b.txt && cmp a.txt b.txt

# a quantised model stays quantised; interrupted and resumed it is the same adapter
$ cadre convert first first.gguf --dtype q8_0 --quiet
$ cadre train --from first.gguf --data text.txt --batch 4 --context 32 --steps 4 \
+     --schedule constant --adapter lora --rank 2 --targets gate_up,down --out whole --quiet
$ cadre train --from first.gguf --data text.txt --batch 4 --context 32 --steps 2 \
+     --schedule constant --adapter lora --rank 2 --targets gate_up,down --out half --quiet
$ cadre train --from first.gguf --data text.txt --batch 4 --context 32 --steps 4 \
+     --schedule constant --adapter lora --rank 2 --targets gate_up,down --out half --resume \
+     --threads 1 --quiet
$ cmp whole/adapter_model.safetensors half/adapter_model.safetensors
$ cadre generate first.gguf --adapter whole -p expert -n 4 --greedy --quiet > c.txt
$ cadre generate first.gguf --adapter whole -p expert -n 4 --greedy --quiet --memory \
+     $(cadre inspect first.gguf --memory 1K 2>&1 | sed -E 's/.*at least ([0-9.]+[KMG]).*/\1/') |
+     cmp - c.txt

# going on from one
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 2 --adapter lora \
+     --adapter-from mine --out more --quiet
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 2 --adapter lora \
+     --adapter-from mine --rank 8 --out other --quiet
2> cadre: --rank: expected 2, as the adapter of --adapter-from has it, found 8
? 2

# what cannot be
$ cadre train --from first --data text.txt --steps 2 --rank 4 --out other --quiet
2> cadre: --rank: expected --adapter lora beside it, found none
? 2
$ cadre train --recipe olmoe --data text.txt --steps 2 --adapter lora --out other --quiet
2> cadre: --adapter: expected --from, the model that the adapter is for, found none
? 2
$ cadre train --from first --data text.txt --steps 2 --adapter lora --targets q,router --out other \
+     --quiet
2> cadre: --targets: expected a list of q, k, v, o, and gate, up, down or gate_up, down, found
+  'router'
? 2
$ sed 's/"use_dora": false/"use_dora": true/' mine/adapter_config.json > dora.json
$ mkdir dora && cp mine/adapter_model.safetensors dora && mv dora.json dora/adapter_config.json
$ cadre logits first --adapter dora --tokens 5,6 --out x.st
2> cadre: dora/adapter_config.json: use_dora: expected nothing, false or null: adapters with it are
+  not run, found true
? 1
$ cadre logits first --adapter text.txt --tokens 5,6 --out x.st
2> cadre: *
? 1
$ cadre merge-adapter first mine merged --quiet
2> cadre: merged: expected an empty or new folder, found a model in it
? 1

# answers that are preferred
$ for i in 1 2 3 4; do
+     echo "{\"prompt\": \"expert $i\", \"chosen\": \" of\", \"rejected\": \" not\"}"
+ done > pairs.jsonl
$ cadre train --from first --preference pairs.jsonl --batch 4 --steps 8 --lr 0.01 --out preferred \
+     --metrics m.jsonl --quiet --json > /dev/null
$ head -1 m.jsonl | grep -c '"loss": 0.69314.*"margin": 0.0,'
> 1
$ tail -1 m.jsonl | grep -c '"margin": -'
> 0
? 1
$ cadre train --from first --preference pairs.jsonl --batch 4 --steps 4 --lr 0.01 --adapter lora \
+     --out tuned --quiet --json > /dev/null
$ echo '{"prompt": "expert", "chosen": []}' > bad.jsonl
$ cadre train --from first --preference bad.jsonl --steps 1 --out other --quiet
2> cadre: bad.jsonl:1: chosen: expected at least one token, at most 2^20, found *
? 1
$ cadre train --from first --data text.txt --steps 1 --beta 0.2 --out other 2>&1 | grep beta
> --beta has no effect: --preference names no pairs of answers

# conversations, with the prompt apart or with both answers after it: the same pairs
$ ask='{"role": "user", "content": "Who routes?"}'
+ yes='{"role": "assistant", "content": "Experts"}'
+ no='{"role": "assistant", "content": "No token of the layer"}'
+ echo "{\"prompt\": [$ask], \"chosen\": [$yes], \"rejected\": [$no]}" > apart.jsonl
+ echo "{\"chosen\": [$ask, $yes], \"rejected\": [$ask, $no]}" > whole.jsonl
+ echo "{\"chosen\": [$ask, $yes], \"rejected\": [$yes, $no]}" > unlike.jsonl
$ cadre train --recipe olmoe --data text.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --experts 4 --topk 2 --batch 4 --context 96 --steps 1 --out wide --quiet
$ for i in apart whole; do cadre train --from wide --preference $i.jsonl --template chatml \
+     --batch 1 --steps 3 --lr 0.01 --out talk-$i --quiet --json > /dev/null; done
$ cmp talk-apart/model.safetensors talk-whole/model.safetensors
$ cadre train --from wide --preference apart.jsonl --batch 1 --steps 3 --out nothing --quiet
2> cadre: apart.jsonl:1: conversations: expected a model with a chat template of a known family,
+  found none
? 1
$ cadre train --from wide --preference unlike.jsonl --template chatml --steps 1 \
+     --out nothing --quiet
2> cadre: unlike.jsonl:1: rejected: expected the conversation before the answer that "chosen" has,
+  found *
? 1

# the routing of both: at first the model is its reference
$ jq -c '[.step, .loads == .reference_loads, (.loads | flatten | add) == (.reference_loads |
+     flatten | add)]' talk-apart/metrics.jsonl | head -2
> [1,true,true]
> [2,false,true]
$ jq -s '.[0].reference_loads == .[2].reference_loads' talk-apart/metrics.jsonl
> true
