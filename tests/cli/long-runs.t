# validation while a run goes on, checkpoints that stay, batches that are skipped
$ for i in $(seq 3000); do [ $((i / 40 % 9)) = 5 ] && echo "$((i * i * i)):$((i * 77))" ||
+     echo "expert $i of the layer meets token $((i * 7 % 90))"; done > text.txt
$ echo '{"recipe": "olmoe", "layers": 1, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 32, "vocab": 512, "context": 32, "batch": 1,
+     "schedule": "constant", "warmup": 4}' > tiny.json
$ echo "train --options tiny.json --quiet --data text.txt" > new

# validation changes no bit of what is learnt; the best model stays
$ cadre $(cat new) --steps 20 --out plain
$ cadre $(cat new) --steps 20 --validate-every 5 --keep 2 --save-every 8 --out looked
$ cmp plain/model.safetensors looked/model.safetensors && grep -c valid_loss looked/metrics.jsonl
> 4
$ ls looked | grep -E 'best|checkpoint'; ls looked/best | head -2
> best
> checkpoint-000000016
> checkpoint-000000020
> config.json
> generation_config.json
$ cmp looked/checkpoint-000000020/model.safetensors plain/model.safetensors && cadre logits \
+     looked/best --tokens 5,6,7 --out best.st
$ cadre report looked --out looked.html --quiet && grep -c 'validation' looked.html
> *

# a snapshot is resumed as any checkpoint is
$ cp -r looked/checkpoint-000000016 again && cadre $(cat new) --steps 20 --validate-every 5 \
+     --out again --resume && cmp again/model.safetensors plain/model.safetensors

# it ends when nothing becomes better, and ends at once when resumed
$ cadre train --options tiny.json --data text.txt --steps 400 --lr 0 --validate-every 3 \
+     --patience 2 --out stuck
> ...
> steps  *9
> ...
2> ...
2> step 3: * on the held-out texts, the best so far
2> step 6: * on the held-out texts
2> step 9: * on the held-out texts
2> 2 validations found nothing better than * of step 3, which is in best: the run
+  ends
2> ...
$ cadre $(cat new) --steps 400 --lr 0 --validate-every 3 --patience 2 --out stuck --resume > log &&
+     wc -l < stuck/metrics.jsonl
> 9

# batches far above the usual loss are not learnt from; a resumed run skips the same
$ cadre train --options tiny.json --data text.txt --steps 60 --skip-bad 1.02 --out one
> ...
2> ...
2> step *: its batch is skipped, for its loss is * where * is usual
2> ...
$ grep -qE '"skipped": ?true' one/metrics.jsonl
$ cadre $(cat new) --steps 35 --skip-bad 1.02 --out two > log && cadre $(cat new) --steps 60 \
+     --skip-bad 1.02 --out two --resume > log && cmp one/model.safetensors two/model.safetensors

# what may change with --override
$ cadre $(cat new) --steps 22 --weight-decay 0.3 --out plain --resume
2> cadre: plain: --weight-decay: expected what the run there was started with, *, found another
+  value, 0.3
2> *--override*
? 1
$ cadre train --options tiny.json --data text.txt --steps 22 --weight-decay 0.3 --out plain \
+     --resume --override
> ...
2> ...
2> --weight-decay was *, and is 0.3 from step 21 on
2> ...

# what cannot be
$ cadre $(cat new) --steps 2 --patience 3 --out other
2> cadre: --patience: expected --validate-every, whose losses it counts, found none
? 2
$ cadre $(cat new) --steps 2 --skip-bad 0.5 --out other
2> cadre: --skip-bad: expected 0, or more than 1 (times the usual loss), found 0.5
? 2

# what is saved has the type of what the run began with; what is trained is not rounded
$ cadre convert plain b16 --dtype bf16 --quiet
$ cadre train --from b16 --data text.txt --batch 4 --context 32 --steps 6 --schedule constant \
+     --warmup 2 --out tuned
> ...
2> the model is saved in bf16, as b16 is (--dtype f32 saves all of it)
2> ...
$ grep -o '"torch_dtype": "[a-z0-9]*"' tuned/config.json
> "torch_dtype": "bfloat16"
$ tune="train --from b16 --data text.txt --batch 4 --context 32 --schedule constant --warmup 2 \
+     --quiet"; cadre $tune --steps 3 --out cut > log && cadre $tune --steps 6 --out cut --resume \
+     > log && cmp cut/model.safetensors tuned/model.safetensors
$ cadre train --from b16 --data text.txt --batch 4 --context 32 --steps 6 --schedule constant \
+     --warmup 2 --dtype f32 --out whole --quiet > log && cadre convert whole rounded --dtype bf16 \
+     --quiet && cmp rounded/model.safetensors tuned/model.safetensors

# the report of a run that is under way, and events for TensorBoard
$ cadre $(cat new) --steps 8 --validate-every 4 --watch page.html --tensorboard board --out seen \
+     > log && grep -c '<html' page.html && ls board
> 1
> events.out.tfevents.0000000001.cadre
$ grep -c 'train/loss' board/events.out.tfevents.0000000001.cadre
> *
$ cmp seen/model.safetensors <(cadre $(cat new) --steps 8 --out unseen > log;
+     cat unseen/model.safetensors)
