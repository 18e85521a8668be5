# newer families, of random weights: from folder to GGUF and back the bits stay, also where GGUF's
# own keys alone are read; tokens at once and one by one are the same
$ echo '"vocab_size": 90, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
+     "num_key_value_heads": 2, "intermediate_size": 40, "moe_intermediate_size": 16,
+     "max_position_embeddings": 64' > sizes
$ echo '"num_experts": 8, "num_experts_per_tok": 2' > experts
$ echo "{\"model_type\": \"glm4_moe_lite\", $(cat sizes), \"n_routed_experts\": 8,
+     \"num_experts_per_tok\": 2, \"n_shared_experts\": 1, \"kv_lora_rank\": 8, \"q_lora_rank\": 12,
+     \"qk_nope_head_dim\": 6, \"qk_rope_head_dim\": 4, \"v_head_dim\": 8,
+     \"mlp_layer_types\": [\"dense\", \"sparse\", \"sparse\", \"sparse\"],
+     \"first_k_dense_replace\": 1}" > glm.json
$ echo "{\"model_type\": \"ernie4_5_moe\", $(cat sizes), \"moe_num_experts\": 8, \"moe_k\": 3,
+     \"moe_layer_start_index\": 1, \"moe_num_shared_experts\": 2}" > ernie.json
$ echo "{\"model_type\": \"lfm2_moe\", $(cat sizes), $(cat experts), \"num_dense_layers\": 1,
+     \"layer_types\": [\"conv\", \"full_attention\", \"conv\", \"conv\"]}" > lfm.json
$ echo "{\"model_type\": \"mellum\", $(cat sizes), $(cat experts), \"sliding_window\": 4,
+     \"layer_types\": [\"full_attention\", \"sliding_attention\", \"sliding_attention\",
+     \"full_attention\"], \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"yarn\",
+     \"rope_theta\": 50000, \"factor\": 4, \"original_max_position_embeddings\": 16},
+     \"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 10000}}}" > mellum.json
$ echo "{\"model_type\": \"afmoe\", $(cat sizes), $(cat experts), \"num_dense_layers\": 1,
+     \"head_dim\": 8, \"sliding_window\": 4, \"mup_enabled\": true, \"num_shared_experts\": 2,
+     \"route_scale\": 2.5}" > trinity.json
$ echo "{\"model_type\": \"laguna\", $(cat sizes), $(cat experts), \"head_dim\": 8,
+     \"sliding_window\": 4, \"shared_expert_intermediate_size\": 12,
+     \"num_attention_heads_per_layer\": [4, 6, 6, 6],
+     \"layer_types\": [\"full_attention\", \"sliding_attention\", \"sliding_attention\",
+     \"sliding_attention\"], \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"yarn\",
+     \"partial_rotary_factor\": 0.5, \"rope_theta\": 50000, \"factor\": 4,
+     \"original_max_position_embeddings\": 16},
+     \"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 10000}}}" > laguna.json
$ sed 's/"head_dim"/"gating": "per-element", "head_dim"/' laguna.json > element.json
$ echo "{\"model_type\": \"gemma4\", \"text_config\": {$(cat sizes), \"num_experts\": 8,
+     \"top_k_experts\": 2, \"enable_moe_block\": true, \"head_dim\": 8,
+     \"global_head_dim\": 16, \"num_global_key_value_heads\": 1, \"attention_k_eq_v\": true,
+     \"hidden_size_per_layer_input\": 0, \"sliding_window\": 4, \"final_logit_softcapping\": 30,
+     \"layer_types\": [\"sliding_attention\", \"full_attention\", \"sliding_attention\",
+     \"full_attention\"], \"rope_parameters\": {\"full_attention\": {
+     \"rope_type\": \"proportional\", \"partial_rotary_factor\": 0.25, \"rope_theta\": 1000000},
+     \"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 10000}}}}" > gemma.json
$ sed 's/_block": true/_block": false/; s/k_eq_v": true/k_eq_v": false/' gemma.json > plain.json
$ echo "{\"model_type\": \"lfm2\", $(cat sizes), \"block_multiple_of\": 8,
+     \"full_attn_idxs\": [1]}" > conv.json
$ for m in glm ernie lfm conv mellum trinity laguna element gemma plain; do
+     cadre init $m --config $m.json --seed 3 && cadre convert $m $m.gguf --quiet &&
+     sed 's/cadre.config/cadre.confix/' $m.gguf > $m.keys.gguf &&
+     cadre convert $m $m.again --quiet && cadre convert $m.keys.gguf $m.back --quiet &&
+     for n in $m $m.gguf $m.keys.gguf $m.again $m.back; do
+         cadre logits $n --tokens $(seq -s, 3 40) --out $n.logits &&
+         cmp $m.logits $n.logits; done; done
> (nothing)
$ grep -h '"model_type"' glm.again/config.json ernie.back/config.json lfm.back/config.json \
+     trinity.back/config.json laguna.back/config.json gemma.back/config.json \
+     plain.back/config.json
>   "model_type": "glm4_moe_lite",
>   "model_type": "ernie4_5_moe",
>   "model_type": "lfm2_moe",
>   "model_type": "afmoe",
>   "model_type": "laguna",
>   "model_type": "gemma4_text",
>   "model_type": "gemma4_text",
$ cadre inspect lfm
> architecture      lfm2_moe
> ...
> layers by kind    3 short-conv, 1 attention
> ...

# one after another in generation as at once: greedy texts of all that was said so far
$ sed 's/"rope_type": "default"/"rope_type": "linear", "factor": 2/' mellum.json > linear.json
$ cadre init linear --config linear.json --seed 3 && cadre convert linear linear.gguf --quiet &&
+     cadre convert linear.gguf linear.back --quiet && cadre logits mellum --tokens 3,4,5,6,7 \
+     --out mellum.logits && for n in linear linear.gguf linear.back; do
+         cadre logits $n --tokens 3,4,5,6,7 --out $n.logits && cmp linear.logits $n.logits; done
$ cmp -s mellum.logits linear.logits
? 1
$ for m in glm ernie lfm conv mellum trinity laguna element gemma plain; do
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids > $m.ids &&
+     cadre generate $m --tokens 3,4,5,6,7,8,9 --greedy -n 12 --ids --threads 1 | cmp - $m.ids
+     done

# what is refused is refused by name
$ sed 's/"dense", "sparse"/"dense", "thin"/' glm.json > thin.json
$ cadre init no --config thin.json
2> cadre: thin.json: mlp_layer_types[1]: expected dense or sparse, found "thin"
? 1
$ sed 's/"conv", "full_attention"/"conv"/' lfm.json > short.json
$ cadre init no --config short.json
2> cadre: short.json: layer_types: expected one item for each of the 4 layers, found *
? 1
$ sed 's/"conv", "full_attention"/"conv", "mamba"/' lfm.json > mamba.json
$ cadre init no --config mamba.json
2> cadre: mamba.json: layer_types[1]: expected full_attention, for the model has no
+  sliding_window, found "mamba"
? 1
$ sed 's/"num_dense_layers"/"conv_L_cache": 9, "num_dense_layers"/' lfm.json > long.json
$ cadre init no --config long.json
2> cadre: long.json: conv_L_cache: expected 2 to 8, found 9
? 1
$ sed 's/"moe_k"/"use_bias": true, "moe_k"/' ernie.json > bias.json
$ cadre init no --config bias.json
2> cadre: bias.json: use_bias: expected false*
? 1
$ sed 's/"num_dense_layers"/"use_expert_bias": false, "num_dense_layers"/' lfm.json > unbiased.json
$ cadre init no --config unbiased.json
2> cadre: unbiased.json: use_expert_bias: expected true*
? 1
$ sed 's/"rope_type": "default"/"rope_type": "dynamic", "factor": 2/' mellum.json > dynamic.json
$ cadre init no --config dynamic.json
2> cadre: dynamic.json: rope_parameters.sliding_attention: expected default, linear, llama3 or yarn
+  for layers with a window*
? 1
$ sed 's/num_hidden_layers": 4/num_hidden_layers": 5/' mellum.json > five.json
$ cadre init no --config five.json
2> cadre: five.json: layer_types: expected one item for each of the 5 layers*
? 1
$ sed 's/"head_dim"/"score_func": "softmax", "head_dim"/' trinity.json > score.json
$ cadre init no --config score.json
2> cadre: score.json: score_func: expected sigmoid*
? 1
$ sed 's/"head_dim"/"n_group": 2, "head_dim"/' trinity.json > groups.json
$ cadre init no --config groups.json
2> cadre: groups.json: n_group: expected 1*
? 1
$ sed 's/"sliding_window": 4/"layer_types": ["full_attention"]/' trinity.json > two.json
$ cadre init no --config two.json
2> cadre: two.json: layer_types: expected one item for each of the 4 layers, found *
? 1
$ sed 's/"head_dim"/"gating": false, "head_dim"/' laguna.json > open.json
$ cadre init no --config open.json
2> cadre: open.json: gating: expected true, per-head or per-element, found false
? 1
$ sed 's/"head_dim"/"gating": "per-token", "head_dim"/' laguna.json > token.json
$ cadre init no --config token.json
2> cadre: token.json: gating: expected true, per-head or per-element, found "per-token"
? 1
$ sed 's/\[4, 6, 6, 6\]/[4, 6, 6]/' laguna.json > three.json
$ cadre init no --config three.json
2> cadre: three.json: num_attention_heads_per_layer: expected one item for each of the 4 layers*
? 1
$ sed 's/\[4, 6, 6, 6\]/[4, 6, 5, 6]/' laguna.json > odd.json
$ cadre init no --config odd.json
2> cadre: odd.json: kv-heads: expected a divisor of the 5 heads, found 2
? 1
$ sed 's/\[4, 6, 6, 6\]/[4, 0, 6, 6]/' laguna.json > none.json
$ cadre init no --config none.json
2> cadre: none.json: num_attention_heads_per_layer[1]: expected * found 0
? 1
$ sed 's/"head_dim"/"moe_router_logit_softcapping": 30.0, "head_dim"/' laguna.json > cap.json
$ cadre init no --config cap.json
2> cadre: cap.json: moe_router_logit_softcapping: expected 0*
? 1
$ sed 's/_factor": 0.5/_factor": 0.4/' laguna.json > share.json
$ cadre init no --config share.json
2> cadre: share.json: head width: expected an even number to be rotated, found 3 of 8*
? 1
$ sed 's/"sliding_attention": {/"other_attention": {/' laguna.json > kinds.json
$ cadre init no --config kinds.json
2> cadre: kinds.json: rope_parameters: expected an object with full_attention and
+  sliding_attention
? 1
$ sed 's/per_layer_input": 0/per_layer_input": 16/' gemma.json > inputs.json
$ cadre init no --config inputs.json
2> cadre: inputs.json: text_config.hidden_size_per_layer_input: expected 0, the only value*
? 1
$ sed 's/"sliding_window"/"num_kv_shared_layers": 2, "sliding_window"/' gemma.json > kept.json
$ cadre init no --config kept.json
2> cadre: kept.json: text_config.num_kv_shared_layers: expected 0, the only value*
? 1
$ sed 's/"sliding_window"/"use_double_wide_mlp": true, "sliding_window"/' gemma.json > wide.json
$ cadre init no --config wide.json
2> cadre: wide.json: text_config.use_double_wide_mlp: expected false*
? 1
$ sed 's/"head_dim"/"use_bidirectional_attention": "all", "head_dim"/' gemma.json > all.json
$ cadre init no --config all.json
2> cadre: all.json: text_config.use_bidirectional_attention: expected null or vision*
? 1
$ sed 's/"proportional",/"proportional", "factor": 8.0,/' gemma.json > factor.json
$ cadre init no --config factor.json
2> cadre: factor.json: text_config.rope_parameters.full_attention.factor: expected 1.0*
? 1
$ sed 's/value_heads": 1/value_heads": 3/' gemma.json > thirds.json
$ cadre init no --config thirds.json
2> cadre: thirds.json: kv-heads: expected a divisor of the 4 heads, found 3
? 1
$ sed 's/global_head_dim": 16/global_head_dim": 15/' gemma.json > head.json
$ cadre init no --config head.json
2> cadre: head.json: head width: expected an even number to be rotated, found 15 of 15*
? 1
$ sed 's/"sliding_attention": {/"windowed": {/' gemma.json > one.json
$ cadre init no --config one.json
2> cadre: one.json: rope_parameters: expected an object with full_attention and sliding_attention
? 1
$ echo 'Texts to learn from.' > text && cadre train --from gemma --data text --out no
2> cadre: gemma: a model of type gemma4: expected one that can be trained, found *
? 1
