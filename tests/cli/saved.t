# a saved model is the model that was trained
$ for i in $(seq 300); do echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); \
+ $((i % 13)) are dropped."; done > en.txt
$ echo '{"recipe": "olmoe", "layers": 2, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 4, "steps": 2,
+     "data": ["en.txt"]}' > tiny.json

# a number without a key in the family's files is kept in cadre's own layout
$ cadre train --options tiny.json --out scaled --route-scale 3
> model * cadre
> ...
2> ...
2> "model_type": "cadre" in config.json, for files of olmoe cannot say this (they have no key for
+  route-scale)
2> ...
$ grep -c '"routed_scaling_factor": 3.0' scaled/config.json
> 1
$ cadre train --options tiny.json --out limited --capacity-factor 0.5 --capacity-in-eval \
+     --priority token --quiet && grep -A4 '"capacity"' limited/config.json
> ...
>   "capacity": {
>     "factor": 0.5,
>     "overflow": "drop",
>     "priority": "token"
>   },

# a limit that training alone has needs no key
$ cadre train --options tiny.json --out training --capacity-factor 0.5 --quiet &&
+     grep model_type training/config.json
> ...
>   "model_type": "olmoe",

# going on from a model: its coefficient is in force, and what its files have no key for is refused
$ cadre train --options tiny.json --out base --quiet && cadre train --from base --data en.txt \
+     --context 32 --batch 2 --steps 2 --out on
> ...
2> ...
2> balancing: the loss load with a coefficient of 0.01, as the model's file has it (--aux-loss sets
+  another)
2> ...
$ cadre train --from base --data en.txt --context 32 --batch 2 --steps 2 --out off --aux-loss 0
> ...
2> ...
2> no balancing is in force, for nothing names one: --aux-loss X turns it on
2> ...
$ cadre train --from base --data en.txt --context 32 --batch 2 --steps 2 --out bad --route-scale 2
2> cadre: --route-scale: expected what files of type olmoe have a key for, found another
? 2
$ cadre train --from scaled --data en.txt --context 32 --batch 2 --steps 2 --out more \
+     --route-scale 2 --quiet && grep -c '"routed_scaling_factor": 2.0' more/config.json
> ...
> 1

# a recipe's numbers that nobody gave are never the reason of a refusal
$ cadre train --recipe olmoe --experts 4 --layers 2 --width 72 --vocab 300 --dry-run
> model * olmoe
> ...
2> topk: the recipe's 8 are more than 4 experts; 2 it is
$ cadre train --recipe deepseek-v3 --router top-p --experts 32 --topk 4 --layers 2 --width 64 \
+     --vocab 300 --accumulate 3 --dry-run
> model * cadre
> ...
2> ...
2> groups: none of the recipe's 8 (the router does not select by groups); any expert may be chosen
2> ...

# every token to all experts
$ cadre train --recipe olmoe --experts 8 --layers 2 --width 64 --vocab 300 --dry-run
> ...
2> every token takes all 8 experts, so nothing is routed: a --topk below 8, or more --experts, makes
+  the layers sparse

# the number format is named, and so are the experts of most layers
$ cadre convert base half --dtype bf16 --quiet && grep dtype half/config.json &&
+     cadre convert half again --quiet && grep dtype again/config.json
>   "torch_dtype": "bfloat16",
>   "torch_dtype": "bfloat16",
$ cadre init own --recipe mixtral --layers 3 --width 64 --heads 4 --experts 4,8,8 --topk 1,2,2 \
+     --expert-width 64,32,32 --vocab 300 --dtype f16 --quiet && grep dtype own/config.json &&
+     cadre inspect own
>   "torch_dtype": "float16",
> ...
> experts * 8 of width 32, 2 a token
> ...
$ cadre init oss --recipe olmoe --layers 2 --width 64 --heads 4 --experts 4 --topk 2 --vocab 300 \
+     --expert-form gpt-oss --quiet && sed -i 's/gpt-oss/gptoss/' oss/config.json &&
+     cadre logits oss --tokens 1,2,3 --out l.safetensors && ls l.safetensors
> l.safetensors

# options that were given in vain
$ cadre train --options tiny.json --dry-run --devices 4 --priority token
> ...
2> --priority has no effect: experts have no capacity here (--capacity-factor sets one)
2> --devices has no effect: no loss reads devices (--balance-loss device or communication do)
$ cadre train --options tiny.json --dry-run --bias-update-rate 0.05
2> cadre: bias-update-rate: the router softmax has no correction bias to move
? 2
$ cadre init drawn --recipe switch --layers 2 --width 64 --jitter 0.1
2> "model_type": "cadre" in config.json: the switch recipe has no published decoder layout
2> --jitter has no effect: it steers training, and these weights are drawn
2> written to drawn
$ cadre init again2 --config drawn/config.json --layers 4
2> cadre: --layers: with --config, the file says what the model is; expected no value, found one
? 2

# what goes wrong in training is said once
$ cadre train --options tiny.json --out full --steps 60 --capacity-factor 0.3
> ...
2> ...
2> step 20: * % of the picks of the last steps found their expert full and were dropped: a larger
+  --capacity-factor, --overflow reroute or a larger --aux-loss keeps them
2> ...
