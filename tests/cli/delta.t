# models with gated delta nets, of random weights: from folder to GGUF and back the bits stay, also
# where GGUF's own keys alone are read; tokens at once and one by one are the same
$ echo '"vocab_size": 90, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
+     "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64,
+     "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8,
+     "linear_value_head_dim": 8' > sizes
$ echo '"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
+     "shared_expert_intermediate_size": 16' > experts
$ echo '"linear_attention", "linear_attention", "full_attention", "linear_attention"' > types
$ echo "{\"model_type\": \"qwen3_next\", $(cat sizes), $(cat experts)}" > next.json
$ echo "{\"model_type\": \"qwen3_5_moe_text\", $(cat sizes), $(cat experts)}" > moe.json
$ echo "{\"model_type\": \"qwen3_5_text\", $(cat sizes), \"intermediate_size\": 40}" > dense.json
$ echo "{\"model_type\": \"qwen3_5\", \"text_config\": $(cat dense.json | sed 's/_text//')}" \
+     > nested.json
$ echo "{\"model_type\": \"kimi_linear\", $(cat sizes), \"num_experts\": 8,
+     \"num_experts_per_token\": 2, \"num_shared_experts\": 1, \"moe_intermediate_size\": 16,
+     \"intermediate_size\": 40, \"first_k_dense_replace\": 1, \"kv_lora_rank\": 12,
+     \"qk_nope_head_dim\": 8, \"qk_rope_head_dim\": 4, \"v_head_dim\": 8,
+     \"linear_attn_config\": {\"head_dim\": 8, \"num_heads\": 4, \"short_conv_kernel_size\": 4,
+     \"full_attn_layers\": [3], \"kda_layers\": [1, 2, 4]}}" > kimi.json
$ for m in next moe dense nested kimi; do cadre init $m --config $m.json --seed 3 &&
+     cadre convert $m $m.gguf --quiet &&
+     sed 's/cadre.config/cadre.confix/' $m.gguf > $m.keys.gguf &&
+     cadre convert $m $m.again --quiet && cadre convert $m.keys.gguf $m.back --quiet &&
+     cadre convert $m.gguf $m.twice.gguf --quiet && cadre convert $m.twice.gguf $m.third --quiet &&
+     for n in $m $m.gguf $m.keys.gguf $m.twice.gguf $m.again $m.back $m.third; do
+         cadre logits $n --tokens $(seq -s, 3 40) --out $n.logits && cmp $m.logits $n.logits
+     done; done
> (nothing)

$ grep -h '"model_type"\|"full_attention_interval"' next.back/config.json nested.back/config.json
>   "model_type": "qwen3_next",
>   "full_attention_interval": 4,
>   "model_type": "qwen3_5_text",
>   "full_attention_interval": 4

# layers that follow no period
$ sed "s/\"num_hidden/\"layer_types\": [$(cat types)], \"num_hidden/" moe.json > kinds.json
$ cadre init kinds --config kinds.json && cadre inspect kinds | grep -E 'kind|heads'
> layers by kind    3 gated-delta, 1 attention
> attention         4 heads, 2 of keys and values
$ cadre convert kinds kinds.gguf --quiet && cadre convert kinds.gguf kinds.back --quiet &&
+     for n in kinds kinds.back; do cadre logits $n --tokens 3,4,5 --out $n.l --quiet; done &&
+     cmp kinds.l kinds.back.l

# one after another in generation as at once, by any number of threads
$ for m in next moe dense kimi; do
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids > $m.ids &&
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids --threads 1 | cmp - $m.ids &&
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids --threads 3 | cmp - $m.ids
+     done

# quantised, also from one GGUF to another, in which blocks are wider than a head
$ cadre convert moe small.gguf --dtype q8_0 --quiet && cadre convert small.gguf again.gguf --quiet
$ for n in small again; do cadre logits $n.gguf --tokens 20,21,22 --out $n.l --quiet; done
$ cmp small.l again.l
$ cadre logits small.gguf --tokens 20,21,22 --out repacked.l --quiet --repack --threads 3
$ cmp small.l repacked.l

# what is refused is refused by name
$ echo 'sed "$1" "$2" > bad.json; cadre init no --config bad.json' > refused
$ sh refused 's/value_heads": 4/value_heads": 5/' next.json
2> cadre: bad.json: linear_num_key_heads: expected a divisor of the 5 heads of values, found 2
? 1
$ sh refused 's/linear_num_key_heads": 2/linear_num_key_heads": 8/' next.json
2> cadre: bad.json: linear_num_key_heads: expected 1 to 4, found 8
? 1
$ sh refused 's/linear_key_head_dim": 8/linear_key_head_dim": 0/' next.json
2> cadre: bad.json: linear_key_head_dim: expected at least 1, found 0
? 1
$ sh refused 's/linear_value_head_dim": 8/linear_value_head_dim": 4096/' moe.json
2> cadre: bad.json: linear_value_head_dim: expected 1 to 1024, found 4096
? 1
$ sh refused 's/"linear_num_key/"linear_conv_kernel_dim": 1, "linear_num_key/' moe.json
2> cadre: bad.json: linear_conv_kernel_dim: expected 2 to 8, found 1
? 1
$ sh refused 's/"linear_num_key/"attn_output_gate": false, "linear_num_key/' dense.json
2> cadre: bad.json: attn_output_gate: expected true*
? 1
$ sh refused 's/"linear_attention", "full/"linear_attention", "wide/' kinds.json
2> cadre: bad.json: layer_types[2]: expected full_attention, for the model has no
+  sliding_window, found "wide_attention"
? 1
$ sh refused 's/"linear_attention", "full/"full/' kinds.json
2> cadre: bad.json: layer_types: expected one item for each of the 4 layers*
? 1
$ sh refused 's/"num_hidden/"full_attention_interval": -1, "num_hidden/' moe.json
2> cadre: bad.json: full_attention_interval: expected *
? 1

$ sh refused 's/"kda_layers": \[1/"kda_layers": [0/' kimi.json
2> cadre: bad.json: linear_attn_config.kda_layers[0]: expected an integer in 1..4*
? 1
$ sh refused 's/"kda_layers": \[1, 2, 4/"kda_layers": [1, 2, 5/' kimi.json
2> cadre: bad.json: linear_attn_config.kda_layers[2]: expected an integer in 1..4*
? 1
$ sh refused 's/"short_conv_kernel_size": 4/"short_conv_kernel_size": 9/' kimi.json
2> cadre: bad.json: linear_attn_config.short_conv_kernel_size: expected an integer in 2..8,
+  found 9
? 1
$ sh refused 's/"kv_lora_rank"/"mla_use_nope": false, "kv_lora_rank"/' kimi.json
2> cadre: bad.json: mla_use_nope: expected true*
? 1
$ sh refused 's/linear_attn_config/linear_config/' kimi.json
2> cadre: bad.json: linear_attn_config: expected *
? 1

# files whose sizes do not fit their tensors
$ echo 'rm -rf bad && cp -r "$1" bad && sed -i "$2" bad/config.json &&
+     cadre logits bad --tokens 3,4 --out no.l' > broken
$ sh broken next 's/linear_num_value_heads": 4/linear_num_value_heads": 2/'
2> cadre: bad/model.safetensors: model.layers.0.linear_attn.*: expected a shape of *
? 1
$ sh broken moe 's/linear_key_head_dim": 8/linear_key_head_dim": 4/'
2> cadre: bad/model.safetensors: model.layers.0.linear_attn.*: expected a shape of *
? 1
$ sh broken moe 's/"full_attention"/"linear_attention"/'
2> cadre: bad/model.safetensors: model.layers.3.linear_attn.*: expected a tensor of this name,
+  found none
? 1
