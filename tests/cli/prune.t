# sparse models that lose the experts of least use: by how much they are worse
$ for i in $(seq 400); do echo "expert $i of the layer meets token $((i * 7 % 90))"; done > text.txt
$ cadre train --recipe mixtral --data text.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --experts 6 --topk 2 --batch 4 --context 32 --steps 20 --out old --quiet
$ cadre prune old new --keep 4 --text text.txt
> experts          4, 2 a token
> parameters       * thousand, * thousand active per token
> compared on      * tokens
> logits           at most * apart; the largest is *
> same next token  * %
> loss             * before, * after
2> the experts that stay had * % of the picks
2> written to new
$ cadre prune old salient.gguf --keep 4 --by saliency --text text.txt --json --quiet > salient.json
$ grep -c '"experts":4,"experts_per_token":2' salient.json
> 1
$ cadre prune old weighed --keep 2 --by weight --text text.txt --quiet
$ cadre train --from new --data text.txt --batch 4 --context 32 --steps 5 --out trained --quiet

# what experts were used for, recorded
$ cadre generate old -p "expert 5 of" -n 20 --greedy --routes routes.jsonl --quiet
$ cadre prune old recorded --keep 5 --routes routes.jsonl --text text.txt --quiet
$ cadre inspect recorded | grep -c "5 experts\|experts *5"
> 1

# what cannot be
$ cadre prune old other --keep 4
2> cadre: expected --text or --routes, which tell what experts are used for, found neither
? 2
$ cadre prune old other --keep 1 --text text.txt
2> cadre: --keep: expected at least the 2 experts that a token takes, found 1
? 2
$ cadre prune new other --keep 4 --routes routes.jsonl
2> cadre: --keep: expected fewer than the 4 experts of a layer, found 4
? 2
$ cadre prune new other --keep 3 --routes routes.jsonl
2> cadre: routes.jsonl:1: sparse_layers[0].experts: expected *4*, found 6
? 1
$ cadre prune old other --keep 4 --by saliency --routes routes.jsonl
2> cadre: --routes: expected --by use or weight, for it does not hold what experts put out, found
+  saliency
? 2
$ test ! -e other
