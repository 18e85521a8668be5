# training goes on from a folder and from a GGUF of the same model: the same bytes come of it
$ for i in $(seq 400); do echo "The $i. token goes to expert $((i * 7 % 8)), $((i % 13)) are dropped."; done > en.txt
$ echo '{"layers": 2, "width": 32, "heads": 2, "experts": 4, "topk": 2, "expert_width": 16, "vocab": 512, "context": 32}' > sizes.json
$ cadre train --options sizes.json --recipe qwen3-moe --data en.txt --batch 2 --steps 2 --seed 1 --out run --quiet
> ...
$ cadre convert run run.gguf --quiet
$ cadre train --from run --data en.txt --batch 2 --context 32 --steps 3 --seed 2 --out one --quiet
> ...
$ cadre train --from run.gguf --data en.txt --batch 2 --context 32 --steps 3 --seed 2 --out two --quiet
> ...
$ cmp one/model.safetensors two/model.safetensors && cmp one/tokenizer.json two/tokenizer.json && ! cmp -s run/model.safetensors one/model.safetensors

# a vocabulary is the model's own; what cannot be trained is refused by name
$ echo '"vocab_size": 512, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40,' > sizes
$ echo "{\"model_type\": \"granitemoe\", $(cat sizes) \"num_local_experts\": 4, \"num_experts_per_tok\": 2, \"residual_multiplier\": 0.5}" > granite.json
$ cadre init granite --config granite.json --quiet && cadre convert granite granite.gguf --quiet
$ cadre train --from granite --data en.txt --out no
2> cadre: granite/tokenizer.json: expected a readable file*
? 1
$ cadre train --from granite.gguf --data en.txt --out no
2> cadre: granite.gguf: tokenizer.huggingface.json: expected a string, found nothing
? 1
$ cp one/tokenizer.json granite && cadre train --from granite --data en.txt --out no
2> cadre: granite: a model of type granitemoe: expected one that can be trained, found a scale of residuals*
? 1
