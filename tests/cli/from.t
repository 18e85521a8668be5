# training goes on from a folder and from a GGUF of the same model: the same bytes come of it
$ for i in $(seq 400); do echo "The $i. token goes to expert $((i * 7 % 8)), $((i % 13)) are \
+ dropped."; done > en.txt
$ echo '{"layers": 2, "width": 32, "heads": 2, "experts": 4, "topk": 2, "expert_width": 16,
+     "vocab": 512, "context": 32}' > sizes.json
$ cadre train --options sizes.json --recipe qwen3-moe --data en.txt --batch 2 --steps 2 --seed 1 \
+     --out run --quiet
> ...
$ cadre convert run run.gguf --quiet
$ cadre train --from run --data en.txt --batch 2 --context 32 --steps 3 --seed 2 --out one --quiet
> ...
$ cadre train --from run.gguf --data en.txt --batch 2 --context 32 --steps 3 --seed 2 --out two \
+     --quiet
> ...
$ cmp one/model.safetensors two/model.safetensors && cmp one/tokenizer.json two/tokenizer.json &&
+     ! cmp -s run/model.safetensors one/model.safetensors

# a vocabulary is the model's own; what cannot be trained is refused by name
$ echo '"vocab_size": 512, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
+     "intermediate_size": 40,' > sizes
$ echo "{\"model_type\": \"olmoe\", $(cat sizes) \"num_experts\": 4,
+     \"num_experts_per_tok\": 2, \"clip_qkv\": 0.5}" > olmoe.json
$ cadre init olmoe --config olmoe.json --quiet && cadre convert olmoe olmoe.gguf --quiet
$ sed 's/, "clip_qkv": 0.5//' olmoe.json > whole.json && cadre init whole --config whole.json \
+     --quiet && cadre convert whole whole.gguf --quiet
$ cadre train --from whole --data en.txt --steps 1 --out no
2> cadre: whole/tokenizer.json: expected a readable file*
? 1
$ cadre train --from whole.gguf --data en.txt --steps 1 --out no
2> cadre: whole.gguf: the file holds no vocabulary
? 1
$ cp one/tokenizer.json olmoe && cadre train --from olmoe --data en.txt --steps 1 --out no
2> cadre: olmoe: a model of type olmoe: expected one that can be trained, found queries, keys and
+  values that are cut off*
? 1

# the vocabulary goes along where ids are trained on
$ (printf '\x40\0\0\0\0\0\0\0{"tokens":{"dtype":"I32","shape":[1,1,9],"data_offsets":[0,36]}}';
+     head -c 36 /dev/zero) > ids.safetensors
$ cadre train --from run.gguf --tokens ids.safetensors --out ids --quiet &&
+     cmp run/tokenizer.json ids/tokenizer.json
> ...
