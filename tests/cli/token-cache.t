# tokens of large texts are made once, and the same model comes of them
$ mkdir texts && for i in $(seq 26000); do echo "The $i. token goes to expert $((i * 7 % 8)) \
+ and to $((i * 5 % 8))."; done > texts/en.txt && wc -c < texts/en.txt
> 1*
$ head -c 900000 texts/en.txt | sed 's/^/{"text": "/; s/$/"}/' > texts/small.jsonl
$ head -c 500000 texts/en.txt > texts/tiny.txt
$ echo '{"recipe": "olmoe", "layers": 1, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 4, "steps": 3, "threads": 1}' \
+     > tiny.json
$ cadre train --options tiny.json --data texts --out first
> ...
2> learning a vocabulary of 512 pieces
2> en: tokenising * MB; the tokens are kept in texts/.cadre
2> small: tokenising * MB; the tokens are kept in texts/.cadre
2> ...
$ ls texts/.cadre
> en-*-*.tokens
> small-*-*.tokens
> vocabulary-*.json
$ cadre train --options tiny.json --data texts --out second
> ...
2> the vocabulary of 512 pieces is there from an earlier run, in texts/.cadre
2> en: its tokens are there from an earlier run, in texts/.cadre
2> small: its tokens are there from an earlier run, in texts/.cadre
2> ...
$ cmp first/model.safetensors second/model.safetensors
$ cmp first/validation/en.txt second/validation/en.txt

# other options use them too; documents apart, weights, and a vocabulary of another size
$ cadre train --options tiny.json --data texts --out packed --pack documents --weights \
+     en=1,small=5,tiny=1 --quiet && ls texts/.cadre | wc -l
> ...
> 3
$ cadre train --options tiny.json --vocab 520 --data texts --out other --quiet &&
+     ls texts/.cadre | wc -l
> ...
> 6

# a run that was interrupted goes on with the bits of one that was not
$ cadre train --options tiny.json --steps 6 --data texts --out whole --quiet
> ...
$ cadre train --options tiny.json --steps 3 --schedule constant --warmup 0 --data texts \
+     --out part --quiet && cadre train --options tiny.json --schedule constant --warmup 0 \
+     --steps 6 --data texts --out part --resume --quiet && rm -r texts/.cadre && cadre train \
+     --options tiny.json --schedule constant --warmup 0 --steps 6 --data texts --out straight \
+     --quiet && cmp part/model.safetensors straight/model.safetensors
> ...

# changed texts are tokenised again, and what was kept of the old ones is removed
$ echo 'One line more.' >> texts/en.txt && cadre train --options tiny.json --data texts \
+     --out third --quiet && ls texts/.cadre | grep -c en-
> ...
> 1
$ cadre train --options tiny.json --steps 9 --data texts --out part --resume
2> ...
2> cadre: part: en: expected what the run there was started with, *
2> ...
? 1

# damage is noticed: a file that is cut is made again, an id that is none ends the run
$ for f in texts/.cadre/en-*; do truncate -s 1000 $f; done && cadre train --options tiny.json \
+     --data texts --out fourth --quiet && cmp third/model.safetensors fourth/model.safetensors
> ...
$ for f in texts/.cadre/*.tokens; do head -c 400000 /dev/zero | tr '\0' '\20' | dd of=$f \
+     conv=notrunc status=none; done; cadre train --options tiny.json --data texts --out fifth
2> ...
2> cadre: texts/.cadre/*.tokens: expected ids of 0 to 511, found *
? 1

# where the folder cannot be written, a run does without
$ mkdir locked && cp texts/en.txt locked && touch locked/.cadre && cadre train --options tiny.json \
+     --data locked/en.txt --out sixth
> ...
2> locked/.cadre: the tokens stay in memory, as this folder cannot be written
2> ...

# validations find the held-out tokens in the folder as they find them in memory
$ cadre train --options tiny.json --data locked/en.txt --validate-every 1 --out memory --quiet &&
+     rm locked/.cadre && cadre train --options tiny.json --data locked/en.txt --validate-every 1 \
+     --out stored --quiet && ls -d locked/.cadre
> ...
> locked/.cadre
$ for r in memory stored; do jq -c .valid_loss $r/metrics.jsonl > $r.txt; done
+ grep -vc null stored.txt && cmp memory.txt stored.txt
> 3
$ cmp memory/model.safetensors stored/model.safetensors

# a domain's tokens are an open file; there may be more of them than the shell allows at first
$ mkdir many && for i in 1 2 3 4 5 6; do head -c 1050000 texts/en.txt > many/d$i.txt; done
+ ulimit -Sn 9 && cadre train --options tiny.json --steps 1 --data many --out many-run --quiet &&
+     ls many/.cadre | grep -c '^d'
> ...
> 6
