# sparse models that get more experts: what they compute stays, and the new ones train alone
$ for i in $(seq 400); do echo "expert $i of the layer meets token $((i * 7 % 90))"; done > text.txt
$ cadre train --recipe mixtral --data text.txt --layers 2 --width 32 --heads 2 --vocab 512 \
+     --experts 4 --topk 2 --batch 4 --context 32 --steps 10 --out old --quiet
$ cadre grow old new --add 2 --text text.txt
> experts          6, 2 a token
> parameters       * thousand, * thousand active per token
> compared on      * tokens
> logits           the same bits
> same next token  100.00 %
> loss             * before, * after
2> "model_type": "cadre" in config.json, for files of mixtral cannot say this (*)
2> written to new
$ cadre grow old open --add 2 --hold 0 --text text.txt --json --quiet | grep -c '"same_bits":false'
> 1
$ cadre train --from open --data text.txt --batch 4 --context 32 --steps 5 \
+     --freeze experts=0-3,router=0-3,attention,embeddings --out trained --quiet
$ cadre eval trained --text text.txt

# what cannot be
$ cadre grow old new --seed 3
2> ...
2> cadre: new: expected an empty or new folder, found a model in it
? 1
$ cadre grow old other --add 0
2> cadre: --add: expected an integer from 1 to 4096, found '0'
? 2
$ cadre train --recipe llama --data text.txt --layers 1 --width 32 --heads 2 --vocab 512 --batch 4 \
+     --context 32 --steps 1 --out dense --quiet
$ cadre grow dense other --seed 3 --text text.txt
2> --seed has no effect: tokens are read from --text, and nothing else is drawn
2> cadre: dense: expected a sparse model, found a dense one
2>        'cadre upcycle' makes a sparse model of it
? 2
