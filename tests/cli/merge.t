# dense models that were trained apart become the experts of one
$ for i in $(seq 400); do echo "expert $i of the layer meets token $((i * 7 % 90))"; done > text.txt
$ for i in $(seq 400); do echo "Schicht $i hat $((i * 11 % 70)) Fachleute"; done > other.txt
$ cadre train --recipe llama --data text.txt other.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --batch 4 --context 32 --steps 10 --out base --quiet
$ cadre train --from base --data text.txt --batch 4 --context 32 --steps 10 --out one --quiet
$ cadre train --from base --data other.txt --batch 4 --context 32 --steps 10 --out two --quiet
$ cadre merge base one two --out merged --text text.txt
> experts          3, 2 a token
> parameters       * thousand, * thousand active per token
> compared on      * tokens
> logits           at most * apart; the largest is *
> same next token  * %
> loss             * before, * after
2> written to merged
$ cadre train --from merged --data text.txt other.txt --batch 4 --context 32 --steps 5 \
+     --freeze experts,attention,embeddings --out routed --quiet
$ cadre merge base one --topk 1 --rest base --out small.gguf --json --quiet |
+     grep -c '"experts":2,"experts_per_token":1'
> 1
$ cadre generate small.gguf -p expert -n 5 --greedy

# what cannot be
$ cadre merge base one
2> cadre: --out: expected where the model goes, found nothing
? 2
$ cadre merge base --out other
2> cadre: merge: expected *
2> ...
? 2
$ cadre merge base merged --out other
2> cadre: merged: expected a dense model, found one with 2 sparse layers
2> ...
? 2
$ cadre train --recipe llama --data other.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --batch 4 --context 32 --steps 1 --out foreign --quiet
$ cadre merge base foreign --out other
2> cadre: foreign: expected *
? 1
$ test ! -e other
