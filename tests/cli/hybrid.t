# families with Mamba-2 layers, of random weights: from folder to GGUF and back the bits stay, also
# where GGUF's own keys alone are read; tokens at once and one by one are the same
$ echo '"vocab_size": 90, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
+     "num_key_value_heads": 2, "max_position_embeddings": 64' > sizes
$ echo "{\"model_type\": \"nemotron_h\", $(cat sizes), \"n_routed_experts\": 8,
+     \"num_experts_per_tok\": 3, \"moe_shared_expert_intermediate_size\": 24,
+     \"moe_intermediate_size\": 16, \"hybrid_override_pattern\": \"ME*E\", \"head_dim\": 8,
+     \"mamba_num_heads\": 6, \"mamba_head_dim\": 8, \"ssm_state_size\": 12, \"n_groups\": 3,
+     \"moe_latent_size\": 20, \"routed_scaling_factor\": 2.5,
+     \"time_step_limit\": [0.0, Infinity]}" > nemotron.json
$ sed 's/"ME\*E"/"M-*E"/; s/"head_dim"/"intermediate_size": 40, "head_dim"/' nemotron.json \
+     > dense.json
$ models='nemotron dense'
$ for m in $models; do
+     cadre init $m --config $m.json --seed 3 && cadre convert $m $m.gguf --quiet &&
+     sed 's/cadre.config/cadre.confix/' $m.gguf > $m.keys.gguf &&
+     cadre convert $m $m.again --quiet && cadre convert $m.keys.gguf $m.back --quiet &&
+     for n in $m $m.gguf $m.keys.gguf $m.again $m.back; do
+         cadre logits $n --tokens $(seq -s, 3 40) --out $n.logits &&
+         cmp $m.logits $n.logits; done; done
> (nothing)
$ for m in $models; do
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids > $m.ids &&
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids --threads 1 | cmp - $m.ids
+     done
