# a run from text to a model that the other commands open
$ for i in $(seq 600); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ load is even, $((i % 13)) are dropped."; done > en.txt
$ for i in $(seq 600); do echo "Das $i. Wort geht zu $((i * 7 % 8)) und zu $((i * 5 % 8)), \
+ die Last ist gleich; $((i % 13)) fallen weg."; done > de.txt
$ mkdir texts && mv en.txt de.txt texts
$ echo '{"recipe": "olmoe", "layers": 2, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 4, "steps": 6, "data": ["texts"]
+     }' > tiny.json

$ cadre train --options tiny.json --dry-run
> model * olmoe
> parameters *
> active per token *
> memory *
> recipe * olmoe
> layers * 2
> ...
> experts * 4
> topk * 2
> ...
> balancing * load, coefficient 0.01, over micro, layer
> ...
> lr * 0.002
> ...
> tokens per second *
> ...
> steps * 6
> tokens * 768
> seconds *

$ cadre train --options tiny.json --dry-run --json
> {"model_type":"olmoe","parameters":*,"active_parameters":*,"memory_bytes":*,"experts":4,"topk":2,
+ *"tie":false,"router":"softmax",*"balancing":"load*"tokens_per_second":*,"steps":6,"tokens":768,
+ "seconds":*}
2> (nothing)

$ cadre train --options tiny.json --out run --metrics m.jsonl
> model * olmoe
> ...
> steps * 6
> tokens * 768
> time *
> loss *
2> ...
2> de: * bits per byte *
2> en: * bits per byte *

$ ls run
> analysis.json
> config.json
> generation_config.json
> metrics.jsonl
> model.safetensors
> run.json
> tokenizer.json
> tokenizer_config.json
> training-state-*
> validation

$ wc -l < m.jsonl
> 6
$ head -1 m.jsonl
> {"step": 1, "loss": *, "aux_loss": *, "z_loss": *, "grad_norm": *, "lr": *, "tokens": 128,
+  "tokens_per_second": *, "max_vio": [*], "dead": [*], *"loads": [[*]]}

$ cadre train --options tiny.json --out quiet --quiet --json
> {"model_type":"olmoe",*,"steps":6,"tokens":768,"seconds":*,"loss":*}
2> (nothing)

# the same run writes the same bytes, whatever the threads
$ cadre train --options tiny.json --out again --quiet --threads 3 &&
+     cmp run/model.safetensors again/model.safetensors
> ...

# what is there already is not written over
$ cadre train --options tiny.json --out run
2> ...
2> cadre: run: expected an empty or new folder, found a run in it
2>        --resume goes on with it
? 1

# a run in two parts is the run in one
$ cadre train --options tiny.json --out whole --steps 9 --schedule constant --quiet &&
+     cadre train --options tiny.json --out parts --steps 4 --schedule constant --quiet
> ...
$ cadre train --options tiny.json --out parts --steps 9 --schedule constant --resume --quiet &&
+     cmp whole/model.safetensors parts/model.safetensors
> ...

$ cadre train --options tiny.json --out parts --steps 9 --schedule constant --resume --quiet --json
> {*,"steps":9,*,"loss":null}

# a full disk while saving: an error, and the old checkpoint stays
$ (ulimit -f 60; cadre train --options tiny.json --out parts --steps 12 --schedule constant \
+     --resume --quiet)
2> cadre: parts/*: could not be written after * bytes: File too large
? 1
$ cmp whole/model.safetensors parts/model.safetensors && ls parts | grep tmp
> (nothing)
? 1
$ cadre train --options tiny.json --out parts --steps 12 --schedule constant --resume --quiet
> ...

# a truncated checkpoint, one with a flipped bit, another recipe's, another shape's
$ cp -r run cut && truncate -s -5 cut/model.safetensors && cadre train --options tiny.json \
+     --out cut --resume
2> ...
2> cadre: cut*
? 1
$ cp -r run cut2 && truncate -s -5 cut2/training-state-* && cadre train --options tiny.json \
+     --out cut2 --resume
2> ...
2> cadre: cut2*
? 1
$ cp -r run flip && printf '\001' | dd of=flip/model.safetensors bs=1 seek=20000 conv=notrunc \
+     status=none && cadre train --options tiny.json --out flip --resume
2> ...
2> cadre: flip*
? 1
$ cp -r run flip2 && printf '\001' | dd of=$(echo flip2/training-state-*) bs=1 seek=60000 \
+     conv=notrunc status=none && cadre train --options tiny.json --out flip2 --resume --steps 8
2> ...
2> cadre: flip2*
? 1
$ cadre train --options tiny.json --out run --resume --recipe mixtral
2> ...
2> cadre: run: --recipe: expected what the run there was started with, olmoe, found another value,
+  mixtral
2>        *
? 1
$ cadre train --options tiny.json --out run --resume --experts 8
2> ...
2> cadre: run: --experts: expected what the run there was started with, 4, found another value, 8
2>        *
? 1

# --resume where there is nothing begins afresh
$ cadre train --options tiny.json --out fresh --resume --quiet &&
+     cmp run/model.safetensors fresh/model.safetensors
> ...

# Ctrl-C, once a step is through: a checkpoint, and exit code 130
$ cadre train --options tiny.json --out stopped --steps 1000000 --quiet --metrics steps.jsonl & \
+     until [ -s steps.jsonl ] || ! kill -0 $!; do sleep 0.1; done; kill -INT $!; wait $!
2> cadre: stopped: stopped at step *, after a checkpoint; --resume goes on
? 130
$ timeout --preserve-status -s INT 0.01 cadre train --options tiny.json --out stopped --resume \
+     --steps 1000000 --quiet
? 130
$ ls stopped/model.safetensors
> stopped/model.safetensors

# a time too short for the tokens that it must see: training goes on until they are seen, or until
# the longest time is over
$ sed 's/"steps": 6, //' tiny.json > timed.json
$ cadre train --options timed.json --out enough --minutes 1e-6 --min-tokens 700 --json
> {*,"steps":6,"tokens":768,*}
2> ...
2> 1e-06 minutes gave 128 of at least 700 tokens (* a second): training goes on until they are seen
2> it takes longer because *
2> ...
$ cadre train --options timed.json --out limited --minutes 1e-6 --min-tokens 700 \
+     --max-minutes 2e-6 --json
> {*,"steps":1,"tokens":128,*}
2> ...
2> 2e-06 minutes were too few as well: 128 of at least 700 tokens were seen
2> ...

# layers that differ
$ cadre train --options tiny.json --out differ --experts 4,8 --topk 1,2 --expert-width 16,8
> model * cadre
> ...
2> ...
2> "model_type": "cadre" in config.json*
2> ...

# training goes on from a model
$ cadre train --from run --data texts --context 32 --batch 2 --steps 2 --out on --quiet
> ...
$ cadre train --from run --data texts --context 32 --batch 2 --steps 2 --out on2 --experts 8
2> cadre: --experts: with --from, the model says what it is*
? 2

# what the other commands make of it
$ cadre inspect run
> architecture * olmoe
> ...
> experts * 4 of width 16, 2 a token
> ...
$ cadre inspect run --context 100 --json
> {"architecture":"olmoe",*"parameters":*,"active_parameters":*,"layers":2,*"experts":4,
+ "experts_per_token":2,*"weight_bytes":*,"cache_bytes":*,"names_bytes":*,"tokenizer_bytes":*,
+ "working_bytes":*,"memory_bytes":*}
$ cadre generate run -p 'The expert' -n 5 --ids --greedy
> * * * * *
$ test "$(cadre generate run -p 'The expert' -n 30 --seed 5)" = \
+     "$(cadre generate run --prompt='The expert' --length 30 --seed 5 --threads 1)"
$ cadre generate run --tokens 1,2,3 -n 2 --json
> {"ids":[*,*],"text":"*"}
$ cadre generate run -p 'The expert' -n 4 --routes routes.jsonl &&
+     cadre report routes.jsonl --out routes.html && grep -c '</html>' routes.html
> ...
$ head -1 routes.jsonl | grep -o '"command".*"sparse'
> "command": "cadre generate run -p 'The expert' -n 4 --routes routes.jsonl", "sparse
$ cadre report run && grep -c '</html>' run/report.html
> 1
2> written to run/report.html
$ cadre eval run --text run/validation/en.txt run/validation/de.txt
> file * bytes * tokens * bits/byte * perplexity
> run/validation/en.txt *
> run/validation/de.txt *
$ cadre eval run --text run/validation/en.txt --json
> {"files":[{"file":"run/validation/en.txt","bytes":*,"tokens":*,"bits_per_byte":*,"perplexity":*}]}
$ cadre logits run --tokens 1,2,3 --out l.safetensors && echo '[4, 5]' > ids &&
+     cadre logits run --tokens ids --out m.safetensors && ls *.safetensors
> l.safetensors
> m.safetensors
$ echo 'The expert' | cadre tokenize run | cadre tokenize run --decode
> The expert
$ echo '"a\u0000b\ud83d\ude00"' | cadre tokenize run --lines | cadre tokenize run --lines --decode
> "a\u0000b😀"

# two runs side by side
$ cadre report run run --out both.html && grep -c 'Two training runs side by side' both.html
> 1
2> written to both.html
$ cadre report run routes.jsonl
2> cadre: routes.jsonl: expected the folder of a training run to compare, found a file
? 1
$ cadre report run run run
2> ...
? 2

# speed
$ cadre bench train --recipe olmoe --layers 1 --width 32 --heads 2 --experts 4 --topk 2 \
+     --expert-width 16 --vocab 512 --context 32 --batch 2
> {"tokens_per_second": *, "active_parameters": *, "parameters": *, "gflops": *, "peak_fraction": *}

# loads of a step are those of its micro-batch if there is one alone
$ one="--recipe olmoe --data texts --layers 1 --width 32 --heads 2 --experts 4 --topk 2 --steps 3 \
+     --expert-width 16 --vocab 512 --context 32 --batch 2" && cadre train $one --out micro \
+     --quiet > log && cadre train $one --out step --balance-over step 2>&1 > log | grep effect &&
+     cmp micro/model.safetensors step/model.safetensors
> --balance-over has no effect: a step has one micro-batch (--accumulate makes more)
$ cadre train --recipe olmoe --balance-over step --accumulate 2 --dry-run 2>&1 > log | grep effect
> (nothing)
? 1

# what can be known before texts are read is said before: there are none here
$ cadre train --options tiny.json --data no-texts --out early --vocab 100 2>&1 | sed 's/found.*//'
> cadre: --vocab: expected a size that can be learnt, 512 to 65536, 
$ cadre train --options tiny.json --data no-texts --out early --vocab 65537
2> cadre: --vocab: expected a size that can be learnt, 512 to 65536, found 65537
? 2
$ cadre train --options tiny.json --data no-texts --out early --heads 3
2> cadre: *heads*
2> ...
? 2
$ cadre train --options tiny.json --data no-texts --out early --metrics no-folder/steps.jsonl
2> cadre: no-folder/steps.jsonl: could not be created: No such file or directory
? 1
$ mkdir a-folder && cadre train --options tiny.json --data no-texts --out early --metrics a-folder
2> cadre: a-folder: expected the name of a file to write, found a folder
? 1
$ touch a-file && cadre train --options tiny.json --data no-texts --out a-file/run
2> cadre: a-file: expected a folder to write in, found a file
? 1
$ ls early
2> ...
? 2
$ cadre train --options tiny.json --data texts --out inside --metrics ./inside/steps.jsonl \
+     --steps 1 --quiet && ls inside/steps.jsonl
> ...
> inside/steps.jsonl
$ cadre train --options tiny.json --data texts --out runs/a/b --metrics ./runs/a/steps.jsonl \
+     --tensorboard logs/board --watch logs/page.html --steps 1 --quiet && ls runs/a/steps.jsonl \
+     logs/page.html
> ...
> logs/page.html
> runs/a/steps.jsonl
