# dense models that become sparse ones: what they compute stays, and training goes on from there
$ for i in $(seq 400); do echo "expert $i of the layer meets token $((i * 7 % 90))"; done > text.txt
$ head -c 2000 text.txt > unseen.txt
$ cadre train --recipe llama --data text.txt --layers 2 --width 32 --heads 2 --vocab 512 --batch 4 \
+     --context 32 --steps 20 --out dense --quiet
$ cadre inspect dense
> architecture      llama
> ...
> layers            2, of which 0 sparse
> ...
$ cadre report dense --out d.html --quiet && grep -cE 'A dense model: no|<h2>Load' d.html
> 1
$ cadre upcycle dense sparse --experts 4 --topk 1 --text unseen.txt
> experts          4, 1 a token
> parameters       * thousand, * thousand active per token
> compared on      * tokens
> logits           the same bits
> same next token  100.00 %
> loss             * before, * after
2> written to sparse
$ cadre upcycle dense fine --method granular --granularity 4 --experts 16 --text unseen.txt \
+     text.txt --json > fine.json
$ sed -E 's/.*"difference":([^,]*),.*"loss_before":([^,]*),"loss_after":([^}]*).*/\1 \2 \3/' \
+     fine.json > three
$ awk '{ exit !($1 < 1e-5 && $2 > 1 && ($2 - $3) ^ 2 < 1e-12) }' three
$ cadre upcycle dense half.gguf --method drop --drop 0.5 --seed 5 --quiet &&
+     cadre generate half.gguf -p "expert" -n 5 --greedy

# the first step of training begins at the dense model's loss
$ for m in dense sparse fine; do cadre train --from $m --data text.txt --batch 4 --context 32 \
+     --steps 1 --out $m.1 --metrics $m.jsonl --quiet; done
$ sed -sE 's/.*"loss": ([^,]*),.*/\1/' dense.jsonl sparse.jsonl fine.jsonl > losses
$ awk 'NR == 1 { first = $1 } { worst += ($1 - first) ^ 2 }
+     END { exit !(NR == 3 && first > 1 && worst < 1e-10) }' losses

# what cannot be
$ cadre upcycle sparse other
2> cadre: sparse: expected a dense model, found one with 2 sparse layers
2>        'cadre grow' adds experts to a sparse model
? 2
$ cadre upcycle dense sparse
2> cadre: sparse: expected an empty or new folder, found a model in it
? 1
$ cadre upcycle dense other --experts 2 --topk 3
2> cadre: --topk: expected at most the 2 experts, found 3
? 2
$ cadre upcycle dense other --text nothing.txt
2> cadre: nothing.txt: expected a readable file: No such file or directory
? 1
$ head -c 3000 dense/model.safetensors > cut && mkdir broken && cp dense/config.json broken &&
+     mv cut broken/model.safetensors
$ cadre upcycle broken other
2> cadre: broken/model.safetensors: *expected at most the * bytes *
? 1
$ cadre train --recipe llama --experts 4 --data text.txt --steps 1 --out other
2> cadre: --experts: expected no value, for every layer of the recipe llama is dense, found one
? 2
$ test ! -e other
