# optimisers, and what products are computed in
$ for i in $(seq 400); do echo "expert $i of the layer meets token $((i * 7 % 90))"; done > text.txt
$ new="train --recipe olmoe --data text.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --experts 4 --topk 2 --expert-width 32 --balance-over sequence --batch 4 --context 32 \
+     --quiet"; echo "$new" > new
$ same() { cmp "$1/model.safetensors" "$2/model.safetensors" && echo same; }; declare -f same > same

# each is resumed with the bits of a run that was not interrupted
$ for o in sgd adafactor muon; do cadre $(cat new) --optimizer $o --steps 6 --schedule constant \
+     --out $o && cadre $(cat new) --optimizer $o --steps 3 --schedule constant --out $o-cut &&
+     cadre $(cat new) --optimizer $o --steps 6 --schedule constant --out $o-cut --resume; done
$ . ./same; for o in sgd adafactor muon; do same $o $o-cut; done
> same
> same
> same
$ ! cmp -s sgd/model.safetensors muon/model.safetensors
$ cadre $(cat new) --optimizer adamw --steps 6 --schedule constant --out muon --resume
2> ...
2> cadre: muon: --optimizer: expected what the run there was started with, muon, found another
+  value, adamw
2> ...
? 1
$ cadre $(cat new) --optimizer muon --steps 6 --muon-scale original --dry-run | \
+     grep -E '^(optimizer|momentum|beta1)'
> optimizer  *muon
> momentum  *0.95
> beta1  *0.9
$ cadre train --recipe olmoe --data text.txt --layers 1 --width 32 --vocab 512 --steps 1 \
+     --optimizer sgd --beta1 0.8 --muon-scale original --batch 2 --context 16 --out idle
> ...
2> ...
2> --muon-scale has no effect: only --optimizer muon reads it
2> --beta1 has no effect: the optimiser does not read it (adamw and muon do)
2> ...

# bfloat16 products: the same bits for threads, parts and processors, and others than floats'
$ cadre $(cat new) --compute bf16 --steps 4 --out bf16 --threads 1
$ cadre $(cat new) --compute bf16 --steps 4 --out threads --threads 3 --accumulate 2
$ CADRE_CPU=portable cadre $(cat new) --compute bf16 --steps 4 --out portable
$ cadre $(cat new) --steps 4 --out f32
$ . ./same; same bf16 threads; same bf16 portable; ! cmp -s bf16/model.safetensors \
+     f32/model.safetensors
> same
> same

# layers that run again in the backward pass: the same bits, less memory, and a run that is resumed
# without it
$ cadre $(cat new) --recompute layers --steps 4 --out again --threads 1
$ . ./same; same f32 again
> same
$ cadre $(cat new) --recompute layers --steps 2 --schedule constant --out turn
$ cadre $(cat new) --steps 4 --schedule constant --out turn --resume
$ cadre $(cat new) --steps 4 --schedule constant --out straight
$ . ./same; same straight turn
> same
$ bytes() { cadre $(cat new) --layers 8 --steps 1 --dry-run --json "$@" | jq .memory_bytes; }; \
+     [ $(bytes --recompute layers) -lt $(bytes) ] && echo less
> less
$ cadre $(cat new) --recompute layers --steps 1 --dry-run | grep recompute
> recompute  *layers
