# what neither training nor conversion changes is kept
$ mkdir texts && for i in $(seq 400); do
+     echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); load is even.";
+     done > texts/en.txt
$ echo '{"recipe": "qwen3-moe", "layers": 1, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 4, "threads": 1, "steps": 2}' \
+     > tiny.json
$ cadre train --options tiny.json --data texts --out a --quiet
> ...
$ echo '{"bos_token_id": 0, "eos_token_id": [5, 0], "pad_token_id": 3, "do_sample": true,
+     "temperature": 0.6, "top_k": 20, "top_p": 0.95, "repetition_penalty": 1.05}' \
+     > a/generation_config.json
$ sed -i 's/"pad_token_id": null/"pad_token_id": 3/; s/"eos_token_id": 0/"eos_token_id": 5/' \
+     a/config.json
$ echo '{"tokenizer_class": "Qwen2Tokenizer", "auto_map": {"AutoTokenizer": "x.py"},
+     "pad_token": "!", "eos_token": {"content": "<|endoftext|>", "lstrip": false},
+     "model_max_length": 77, "split_special_tokens": false, "extra": [1, 2.5, null]}' \
+     > a/tokenizer_config.json
$ echo '{"eos_token": "<|endoftext|>"}' > a/special_tokens_map.json &&
+     echo '{{ messages }}' > a/chat_template.jinja

$ cadre train --from a --data texts --context 32 --batch 4 --steps 2 --out ft --quiet &&
+     cadre convert a half --dtype bf16 --quiet
> ...
$ for m in ft half; do for f in generation_config.json special_tokens_map.json chat_template.jinja;
+     do cmp a/$f $m/$f; done; done
$ for m in ft half; do tr -d ' \n' < $m/tokenizer_config.json; echo;
+     grep pad_token_id $m/config.json; done
> {"tokenizer_class":"PreTrainedTokenizerFast","pad_token":"!",
+ "eos_token":{"content":"<|endoftext|>","lstrip":false},"model_max_length":77,
+ "split_special_tokens":false,"extra":[1,2.5,null],*}
>   "pad_token_id": 3*
> {"tokenizer_class":"PreTrainedTokenizerFast","pad_token":"!",
+ "eos_token":{"content":"<|endoftext|>","lstrip":false},"model_max_length":77,
+ "split_special_tokens":false,"extra":[1,2.5,null],*}
>   "pad_token_id": 3*

# through a GGUF and back, and from a GGUF
$ cadre convert a a.gguf --quiet && cadre convert a.gguf back --quiet &&
+     cmp a/generation_config.json back/generation_config.json && grep pad_token_id back/config.json
>   "pad_token_id": 3*
$ grep -c 'general.sampling.top_k' a.gguf
> 1
$ cadre train --from a.gguf --data texts --context 32 --batch 4 --steps 2 --out ft2 --quiet &&
+     cmp a/generation_config.json ft2/generation_config.json
> ...

# where there is none, one with the ids
$ rm a/generation_config.json && cadre convert a plain --quiet &&
+     tr -d ' \n' < plain/generation_config.json
> {"eos_token_id":5,"pad_token_id":3}
