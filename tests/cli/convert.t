# models of random weights, from folder to GGUF and back: the same bits; nothing overwritten
$ echo '"vocab_size": 90, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
+     "intermediate_size": 40,' > sizes
$ echo '"original_max_position_embeddings": 16, "low_freq_factor": 1, "high_freq_factor": 4},
+     "tie_word_embeddings": true}' > stretch
$ echo "{\"model_type\": \"llama\", $(cat sizes) \"rope_scaling\": {\"rope_type\": \"llama3\",
+     \"factor\": 4, $(cat stretch)" > llama3.json
$ echo '"moe_intermediate_size": 16, "shared_expert_intermediate_size": 24, "num_experts": 4,
+     "num_experts_per_tok": 2}' > experts
$ echo "{\"model_type\": \"qwen2_moe\", $(cat sizes) \"qkv_bias\": false,
+     \"tie_word_embeddings\": true, $(cat experts)" > qwen2.json
$ echo '"num_layers": 4, "num_decoder_layers": 3, "num_sparse_encoder_layers": 2,
+     "num_sparse_decoder_layers": 1}' > stacks
$ echo '"vocab_size": 90, "d_model": 32, "d_kv": 8, "d_ff": 40, "num_heads": 4, "num_experts": 4,' \
+     > switch-sizes
$ echo "{\"model_type\": \"switch_transformers\", $(cat switch-sizes stacks)" > switch.json

# positions that GGUF has no keys for go along as a tensor, which says enough without config.json's
# text
$ cadre init llama --config llama3.json --seed 3 && cadre convert llama llama.gguf --quiet
$ sed 's/cadre.config/cadre.confix/' llama.gguf > keys.gguf
$ cadre convert keys.gguf again --quiet && grep -q '"longrope"' again/config.json
$ for m in llama llama.gguf keys.gguf again; do
+     cadre logits $m --tokens 1,2,3,4,5,6,7,8,9,10,11,12 --out $m.logits; done
$ cmp llama.logits llama.gguf.logits

$ cmp keys.gguf.logits again.logits
$ cadre convert llama llama.gguf
2> ...
2> cadre: llama.gguf: expected a new file, found one of this name
? 1
$ cadre convert llama.gguf llama
2> ...
2> cadre: llama: expected an empty or new folder, found a model in it
? 1

# a head that is the embedding, in a family that others read with a head of its own
$ cadre init qwen2 --config qwen2.json && cadre convert qwen2 qwen2.gguf --quiet &&
+     cadre convert qwen2.gguf qwen2.back --quiet
$ sed 's/cadre.config/cadre.confix/' qwen2.gguf > qwen2.keys.gguf
$ for m in qwen2 qwen2.gguf qwen2.back qwen2.keys.gguf; do cadre logits $m --tokens 1,2,3,4,5 \
+     --out $m.logits; done
$ cmp qwen2.logits qwen2.gguf.logits && cmp qwen2.logits qwen2.back.logits
$ cmp qwen2.logits qwen2.keys.gguf.logits
$ grep -aq output.weight qwen2.gguf && ! grep -aq lm_head qwen2.back/model.safetensors

# an encoder and a decoder
$ cadre init switch --config switch.json && cadre convert switch switch.back --quiet
$ for m in switch switch.back; do cadre logits $m --tokens 5,6,7 --decoder-tokens 0,8,9 \
+     --out $m.logits; done
$ cmp switch.logits switch.back.logits
$ cadre inspect switch
> architecture      switch_transformers
> ...
> layers            7, of which 3 sparse
> ...
$ cadre convert switch switch.gguf --quiet
2> cadre: switch.gguf: expected a model that GGUF has a form for, found one of type
+  switch_transformers
? 1

# formats that are wanted
$ cadre convert llama.gguf small.gguf --dtype bf16 --quiet && cadre inspect small.gguf |
+     grep formats
> formats           BF16 98 %, F32 2 %

# a file that loses its bytes while it is read
$ sed 's/"hidden_size"/"max_position_embeddings": 1000000, "hidden_size"/' llama3.json > long.json
$ cadre init long --config long.json
$ (sleep 1; : > long/model.safetensors) & cadre generate long --tokens 1,2 -n 900000 --ids > ids
2> cadre: *long/model.safetensors: expected the bytes that were there when it was opened, found *
? 1
