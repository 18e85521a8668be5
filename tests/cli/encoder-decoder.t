# an encoder and a decoder: trained on corrupted spans, gone on with, generated from
$ mkdir texts && for i in $(seq 400); do
+     echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); load is even.";
+     done > texts/en.txt
$ echo '{"recipe": "switch-t5", "width": 32, "experts": 4, "vocab": 512, "context": 32, "batch": 4,
+     "warmup": 2, "schedule": "constant", "quiet": true}' > tiny.json
$ cadre train --options tiny.json --data texts --steps 12 --threads 1 --out one --metrics one.jsonl
> ...
$ cadre train --options tiny.json --data texts --steps 12 --threads 3 --out three \
+     --metrics three.jsonl
> ...
$ cmp one/model.safetensors three/model.safetensors && cut -d , -f 1-5 one.jsonl > a &&
+     cut -d , -f 1-5 three.jsonl | cmp - a
$ cadre train --options tiny.json --data texts --steps 5 --out two
> ...
$ cadre train --options tiny.json --data texts --steps 12 --out two --resume 2> /dev/null
> ...
$ cmp two/model.safetensors one/model.safetensors
$ tail -1 one.jsonl | grep -o '"max_vio": \[[^]]*\]' | tr -cd , | wc -c
> 1

# its report counts the encoder's layers first, as its log does
$ cadre report one --out one.html --quiet && grep -oE 'Layers below 2[^.]*' one.html
> Layers below 2 are the encoder’s, the others the decoder’s
$ grep -oE '<th scope="row">layer [0-9]+' one.html | sort -u
> <th scope="row">layer 1
> <th scope="row">layer 3
$ cadre report one two --out both.html --quiet && grep -c '</html>' both.html
> 1

# files as transformers has them
$ tr -d ' \n' < one/config.json |
+     grep -oE '"(model_type|num[_a-z]*layers|d_ff|[a-z]*_token_id)":("[a-z_]*"|[0-9]+)'
> "model_type":"switch_transformers"
> "eos_token_id":1
> "pad_token_id":0
> "d_ff":128
> "num_layers":2
> "num_decoder_layers":2
> "num_sparse_encoder_layers":1
> "num_sparse_decoder_layers":1
$ printf '<pad></s><extra_id_99><extra_id_0>' | cadre tokenize one --no-special
> 0 1 2 101
$ cadre inspect one | grep -E 'layers'
> layers            4, of which 2 sparse
$ cadre generate one -p 'The 7. token goes <extra_id_0> even.' -n 4 --greedy --ids | wc -w
> 4
$ cadre logits one --tokens 300,101,1 --decoder-tokens 0,101 --out l.safetensors --quiet &&
+     test -s l.safetensors

# measured on what is taken out of a text: the same at every call, better than before training
$ head -c 3000 texts/en.txt > part.txt && cadre eval one --text part.txt --json > a.json &&
+     cadre eval one --text part.txt --json | cmp - a.json
$ cadre train --options tiny.json --data texts --steps 60 --out longer > /dev/null
$ cadre eval longer --text part.txt --json | jq -s '.[0].files[0].bytes < 700 and
+     .[0].files[0].perplexity < .[1].files[0].perplexity' - a.json
> true
$ printf a > short.txt && cadre eval one --text short.txt
2> cadre: the text: expected at least 4 tokens, of which a span can be taken out, found 1
? 2

# on from it, by its own sentinels
$ cadre train --from one --data texts --steps 3 --context 24 --batch 4 --out on --quiet
> ...
$ grep -c '"model_type": "switch_transformers"' on/config.json
> 1

# what its files cannot say, and texts too short for a span
$ cadre train --options tiny.json --data texts --steps 2 --layers 4 --experts 4,4,4,8 --out no
2> cadre: --recipe switch-t5: expected what files of switch_transformers can say (its layers are
+  alike), found another model
? 2
$ cadre train --options tiny.json --data texts --steps 2 --expert-width 64 --out no
2> cadre: --expert-width: expected what files of switch_transformers have a key for, found what they
+  have not
? 2
$ cadre train --options tiny.json --data texts --steps 2 --context 3 --out no
2> cadre: --context: expected at least 4 tokens, of which a span can be taken out, found 3
? 2
