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
$ echo "{\"model_type\": \"granitemoehybrid\", $(cat sizes), \"num_local_experts\": 8,
+     \"num_experts_per_tok\": 3, \"shared_intermediate_size\": 24, \"intermediate_size\": 16,
+     \"layer_types\": [\"mamba\", \"mamba\", \"attention\", \"linear_attention\"],
+     \"mamba_n_heads\": 8, \"mamba_d_head\": \"auto\", \"mamba_d_state\": 12,
+     \"embedding_multiplier\": 3, \"residual_multiplier\": 0.5, \"logits_scaling\": 2,
+     \"attention_multiplier\": 0.25, \"position_embedding_type\": \"nope\"}" > granite.json
$ sed 's/"num_local_experts": 8/"num_local_experts": 0/; s/"nope"/"rope"/' granite.json > micro.json
$ echo "{\"model_type\": \"bailing_hybrid\", $(cat sizes), \"num_experts\": 8,
+     \"architectures\": [\"BailingMoeV3ForCausalLM\"], \"num_experts_per_tok\": 2,
+     \"moe_intermediate_size\": 16, \"intermediate_size\": 40, \"num_shared_experts\": 1,
+     \"n_group\": 4, \"topk_group\": 2, \"first_k_dense_replace\": 1, \"layer_group_size\": 2,
+     \"kv_lora_rank\": 12, \"q_lora_rank\": 10, \"qk_nope_head_dim\": 6, \"head_dim\": 8,
+     \"qk_rope_head_dim\": 4, \"v_head_dim\": 8, \"kda_safe_gate\": true,
+     \"no_kda_lora\": true}" > ling.json
$ echo nemotron dense granite micro ling > models
$ for m in $(cat models); do
+     cadre init $m --config $m.json --seed 3 && cadre convert $m $m.gguf --quiet &&
+     sed 's/cadre.config/cadre.confix/' $m.gguf > $m.keys.gguf &&
+     cadre convert $m $m.again --quiet && cadre convert $m.keys.gguf $m.back --quiet &&
+     for n in $m $m.gguf $m.keys.gguf $m.again $m.back; do
+         cadre logits $n --tokens $(seq -s, 3 40) --out $n.logits &&
+         cmp $m.logits $n.logits; done; done
> (nothing)
$ grep -a -o -c nemotron_h_moe.attention.layer_norm_epsilon nemotron.gguf
> 1
$ cadre inspect micro | grep -E 'experts|layers'
> layers            4, of which 0 sparse
> layers by kind    3 mamba2, 1 attention

$ for m in $(cat models); do
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids > $m.ids &&
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids --threads 1 | cmp - $m.ids
+     done

# sizes and kinds of layers that do not fit are refused by name
$ echo 'sed "$2" $1.json > no.json && cadre init no --config no.json 2>&1 | tail -1' > refused
$ sh refused granite 's/"mamba_n_heads": 8/"mamba_n_heads": 7/'
> cadre: no.json: mamba_n_heads: expected heads of 9 elements that are 64 together (mamba_expand
+  times hidden_size), found 7 heads
$ sh refused granite 's/"auto"/"all"/' && sh refused granite 's/"auto"/5000/'
> cadre: no.json: mamba_d_head: expected a number or auto, found "all"
> cadre: no.json: mamba_d_head: expected an integer in 1..4096, found 5000
$ sh refused granite 's/"mamba_d_state": 12/"mamba_d_state": 0/'
> cadre: no.json: state: expected 1 to 4096, found 0
$ sh refused granite 's/"mamba_n_heads": 8/"mamba_n_heads": 8, "mamba_n_groups": 3/'
> cadre: no.json: groups of a state space: expected a divisor of its 8 heads, found 3
$ sh refused granite 's/"mamba_n_heads": 8/"mamba_n_heads": 8, "mamba_d_conv": 12/'
> cadre: no.json: convolution: expected 2 to 8, found 12
$ sh refused granite 's/"linear_attention"/"lstm"/'
> cadre: no.json: layer_types[3]: expected *, found "lstm"
$ sh refused granite 's/"nope"/"alibi"/'
> cadre: no.json: position_embedding_type: expected nope or rope, found "alibi"
$ sh refused granite 's/"mamba_n_heads": 8/"mamba_n_heads": 8, "mamba_proj_bias": true/'
> cadre: no.json: mamba_proj_bias: expected false, the only value that is implemented, found true
$ sh refused granite 's/"auto"/7/'
> cadre: no.json: mamba_n_heads: expected heads of 7 elements that are 64 together*
$ sh refused nemotron 's/ME.E/MEXE/'
> cadre: no.json: hybrid_override_pattern: expected M, *, E or - for each of the 4 layers, found
+  "MEXE"
$ sh refused ling 's/MoeV3For/MoeV2_5For/'
> cadre: no.json: architectures[0]: expected BailingMoeV3ForCausalLM, the only class of this
+  model_type that is implemented, found "BailingMoeV2_5ForCausalLM"
$ sh refused ling 's/"kda_safe_gate": true/"kda_safe_gate": false/'
> cadre: no.json: kda_safe_gate: expected true, the only value that is implemented, found false
$ sh refused ling 's/"no_kda_lora": true/"no_kda_lora": false/'
> cadre: no.json: no_kda_lora: expected true, the only value that is implemented, found false
$ sh refused ling 's/"no_kda_lora": true/"expert_swiglu_limit_list": [null, 7]/'
> cadre: no.json: expert_swiglu_limit_list[1]: expected null, the only value that is implemented,
+  found 7
$ sh refused ling 's/"layer_group_size": 2/"layer_group_size": 0/'
> cadre: no.json: layer_group_size: expected an integer in 1..512, found 0
$ sh refused ling 's/"no_kda_lora": true/"gated_attention_proj_granularity_type": "element_wise"/'
> cadre: no.json: gated_attention_proj_granularity_type: expected head_wise, the only value that is
+  implemented, found "element_wise"
