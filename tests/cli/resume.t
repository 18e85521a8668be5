# what a run that goes on may change, and what it says of it
$ mkdir texts && for i in $(seq 400); do
+     echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); load is even.";
+     done > texts/en.txt
$ for i in $(seq 400); do echo "Das $i. Wort geht zu $((i * 7 % 8)) und zu $((i * 5 % 8)), \
+ die Last ist gleich."; done > texts/de.txt
$ echo '{"recipe": "olmoe", "layers": 1, "width": 32, "heads": 2, "experts": 4, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 4, "threads": 1}' > tiny.json
$ cadre train --options tiny.json --data texts --steps 4 --out run --quiet
> ...

# another length: the learning rate is another from there on, which is said
$ cp -r run longer && cadre train --options tiny.json --data texts --steps 8 --out longer --resume
> ...
2> --steps was 4, and is 8 from step 5 on: the learning-rate schedule now has the new length
2> going on from step 4
2> ...

# what a run that got out of hand needs
$ cp -r run calmer && cadre train --options tiny.json --data texts --steps 6 --lr 0.0001 \
+     --warmup 5 --clip 0.5 --schedule wsd --accumulate 2 --out calmer --resume
> ...
2> --steps was 4, and is 6 from step 5 on: *
2> --accumulate was 1, and is 2 from step 5 on
2> --lr was *, and is 0.0001 from step 5 on
2> --warmup was not given, and is 5 from step 5 on
2> --schedule was cosine, and is wsd from step 5 on
2> --clip was *, and is 0.5 from step 5 on
2> going on from step 4
2> ...

# another number format of what is saved
$ cp -r run half && cadre train --options tiny.json --data texts --steps 4 --dtype f16 --out half \
+     --resume
> ...
2> --dtype was not given, and is f16 from step 5 on
2> ...

# a state whose model is gone is no checkpoint
$ cp -r run gone && rm gone/model.safetensors && cadre train --options tiny.json --data texts \
+     --steps 2 --out gone --resume
> ...
2> there is no checkpoint in gone, for what is there has no model: the run begins at step 1
2> ...

# nothing changed, nothing said; fewer steps than it has taken
$ cadre train --options tiny.json --data texts --steps 4 --out run --resume
> ...
2> the run there has taken 4 steps: nothing is left to do
2> analysing the model on the held-out texts
2> ...

# what would be another run
$ cadre train --options tiny.json --data texts --steps 8 --seed 7 --out run --resume
2> cadre: run: --seed: expected what the run there was started with, *, found another value, 7
2>        *
? 1
$ cadre train --options tiny.json --data texts --steps 8 --vocab 530 --out run --resume
2> cadre: run: --vocab: expected what the run there was started with, 512, found another value, 530
2>        *
? 1
$ cadre train --options tiny.json --data texts --steps 8 --weight-decay 1 --out run --resume
2> cadre: run: --weight-decay: *
2>        *
? 1

# other texts: what was held out would be trained on, and what was trained on held out
$ cp -r texts changed && (echo "A line that was not there before.";
+     head -300 texts/en.txt) > changed/en.txt && cp -r run before
$ cadre train --options tiny.json --data changed --steps 8 --out run --resume
2> cadre: run: en: expected what the run there was started with, * bytes, found other content, *
+  bytes
2>        resume with the same data, which keeps what was held out apart; 'cadre train --from run'
+  with another --out goes on with other data
? 1
$ cadre train --options tiny.json --data texts/de.txt --steps 8 --out run --resume
2> cadre: run: the run there was started with other data: expected en, found nothing more
2>        *
? 1
$ diff -r before run

# the same texts elsewhere
$ mv texts moved && cadre train --options tiny.json --data moved --steps 5 --out run --resume \
+     --quiet && mv moved texts
> ...
$ cmp before/validation/en.txt run/validation/en.txt

# from a model, which must be the same too
$ cadre train --from run --data texts --context 32 --batch 2 --steps 2 --out on --quiet
> ...
$ cp -r on on2 && cadre train --from run --data texts --context 32 --batch 2 --steps 3 --out on2 \
+     --resume --quiet
> ...
$ cadre train --from longer --data texts --context 32 --batch 2 --steps 3 --out on --resume
2> learning rate: at most 2e-05, which is usual for fine-tuning (--lr sets another)
2> balancing: *
2> cadre: on: the model: expected what the run there was started with, *
2>        *
? 1

# a model without its training state is not written over
$ mkdir model && cp run/*.json run/model.safetensors model && cadre train --options tiny.json \
+     --data texts --steps 2 --out model --resume
2> cadre: model: expected a training state to go on from, found a model without one
2>        'cadre train --from model' with another --out starts from that model
? 1
$ mkdir shards && echo '{}' > shards/model.safetensors.index.json &&
+     cadre train --options tiny.json --data texts --steps 2 --out shards --resume
2> cadre: shards: expected a training state to go on from, found a model without one
2>        *
? 1
$ cmp run/model.safetensors model/model.safetensors
$ echo text > file && cadre train --options tiny.json --data texts --steps 2 --out file
2> cadre: file: expected an empty or new folder, found a file
? 1

# a run that diverges: the world's fault, and advice that can be followed
$ cadre train --options tiny.json --data texts --steps 60 --lr 100 --clip 0 --warmup 0 \
+     --recipe gshard --out wild --quiet
2> cadre: wild: step *: expected a finite loss and gradient, found as loss *, as gradient's norm *
2>        no checkpoint was saved: --resume begins again at step 1, with a lower --lr, a longer
+  --warmup or a smaller --clip
? 1
$ cadre train --options tiny.json --data texts --steps 5 --lr 0.001 --clip 0 --warmup 0 \
+     --recipe gshard --out wild --resume --quiet
> ...

# very many domains: some of them are looked at
$ mkdir many && for i in $(seq 300); do for j in $(seq 12); do
+     echo "line $j of file $i about $((i * j % 97)) things"; done > many/$i.txt; done
$ cadre train --options tiny.json --data many --steps 2 --out runs-of-many 2> notes &&
+     grep -c 'bits per byte' notes && grep looked notes
> ...
> 256
> 256 of the 300 held-out texts are looked at
# a last analysis that fails does not cost the run
$ mkdir -p no-look/analysis.json && cadre train --options tiny.json --data texts --steps 2 \
+     --out no-look --quiet
> ...
2> cadre: no-look/analysis.json*
2> cadre: the model is saved, but its report will show nothing of the held-out texts
$ ls no-look/model.safetensors
> no-look/model.safetensors

# a closed terminal asks to stop as Ctrl-C does, and under nohup does not
$ cadre train --options tiny.json --data texts --out closed --steps 1000000 --quiet \
+     --metrics steps.jsonl & until [ -s steps.jsonl ] || ! kill -0 $!; do sleep 0.1; done;
+     kill -HUP $!; kill -HUP $!; wait $!
2> cadre: closed: stopped at step *, after a checkpoint; --resume goes on
? 130
$ nohup cadre train --options tiny.json --data texts --out kept --steps 1000000 --quiet \
+     --metrics kept.jsonl > /dev/null & until [ -s kept.jsonl ] || ! kill -0 $!; do sleep 0.1;
+     done; kill -HUP $!; n=$(wc -l < kept.jsonl); until [ $(wc -l < kept.jsonl) -gt $((n + 3)) ] ||
+     ! kill -0 $!; do sleep 0.1; done; kill -TERM $!; wait $!
2> ...
2> cadre: kept: stopped at step *, after a checkpoint; --resume goes on
? 130

# a second Ctrl-C ends the program at once, in the middle of saving too, and leaves nothing half
# written
$ cadre train --options tiny.json --data texts --out hasty --steps 1000000 --save-every 1 \
+     --quiet & until ls hasty/*.tmp-* > /dev/null 2>&1 || ! kill -0 $!; do :; done; kill -INT $!;
+     kill -INT $!; wait $!
? 130
$ ls hasty/*.tmp-* || true
> (nothing)
