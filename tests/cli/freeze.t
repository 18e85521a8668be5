# parts of a model that are not trained
$ for i in $(seq 400); do echo "expert $i of the layer meets token $((i * 7 % 90))"; done > text.txt
$ cadre train --recipe deepseek-v3 --data text.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --experts 8 --topk 2 --batch 4 --context 32 --steps 3 --out first --quiet
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 6 \
+     --freeze router,experts,embeddings --out whole --json --quiet > /dev/null
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 3 --schedule constant \
+     --freeze experts=0-6,router=0-6,layers=0,attention,embeddings --out part --quiet

# they train, and say so
$ cadre logits first --tokens 5,6,7,8 --out first.st && cadre logits whole --tokens 5,6,7,8 \
+     --out whole.st && ! cmp -s first.st whole.st
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 6 --freeze none \
+     --dry-run --json > none.json
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 6 --freeze router \
+     --dry-run | grep '^freeze'
> freeze  *router
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 6 --freeze router \
+     --router-lr 0.1 --dry-run > /dev/null
2> ...
2> --router-lr has no effect: --freeze leaves no router to train
2> ...

# what cannot be
$ cadre train --from first --data text.txt --steps 1 --freeze routers --out other
2> cadre: --freeze: expected router, experts, router=A-B, experts=A-B, attention, embeddings,
+  layers=A-B or none, found 'routers'
? 2
$ cadre train --from first --data text.txt --steps 1 --freeze layers=0-7 --out other
2> ...
2> cadre: --freeze: layers=0-7: expected numbers from 0 to 1, as the model has them
? 2
$ cadre train --recipe llama --data text.txt --steps 1 --layers 1 --width 32 --freeze experts \
+     --out other
2> ...
2> cadre: --freeze: expected parts that the model has, found experts, which it has not
? 2
$ cadre train --from first --data text.txt --batch 4 --context 32 --steps 9 --freeze router \
+     --out whole --resume
2> ...
2> cadre: whole: --freeze: expected what the run there was started with, router,experts,embeddings,
+  found another value, router
2> ...
? 1
