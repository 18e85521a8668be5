# ranks that divide a training run: one process's bits, and a run that goes on in another layout
$ mkdir texts && for i in $(seq 400); do
+     echo "The $i. token goes to expert $((i * 7 % 8)) and to $((i * 5 % 8)); load is even.";
+     done > texts/en.txt
$ echo '{"recipe": "deepseek-v3", "layers": 2, "width": 32, "heads": 2, "experts": 6, "topk": 2,
+     "expert_width": 16, "vocab": 512, "context": 32, "batch": 12, "threads": 1}' > tiny.json
$ cat > many <<'END'
+ #!/bin/bash
+ # many N COMMAND...: N ranks, by the launcher that is here and has its plug-in; else one process
+ n=$1 plugin=$(dirname "$(readlink -f "$(command -v cadre)")")/cadre-mpi; shift
+ export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
+ if command -v mpirun.openmpi > /dev/null && [ -e "$plugin-openmpi.so" ]; then
+     exec mpirun.openmpi --oversubscribe --bind-to none -n "$n" "$@"
+ elif command -v mpirun.mpich > /dev/null && [ -e "$plugin-mpich.so" ]; then
+     exec mpirun.mpich -n "$n" "$@"
+ fi
+ [[ " $* " == *" wrong "* ]] && exit 2
+ shift; exec cadre "$@"
+ END
$ chmod +x many && cadre train --options tiny.json --data texts --steps 4 \
+     --validate-every 2 --skip-bad 9 --out one --quiet
> ...

# two and three ranks
$ ./many 2 cadre train --options tiny.json --data texts --steps 4 \
+     --validate-every 2 --skip-bad 9 --out two --quiet
> ...
$ cmp one/model.safetensors two/model.safetensors
> (nothing)
$ cmp one/best/model.safetensors two/best/model.safetensors
> (nothing)
$ cmp <(sed 's/"tokens_per_second":[^,]*,//' one/metrics.jsonl) \
+     <(sed 's/"tokens_per_second":[^,]*,//' two/metrics.jsonl)
> (nothing)
$ ./many 3 cadre train --options tiny.json --data texts --steps 2 --out three --quiet
> ...
$ cadre train --options tiny.json --data texts --steps 4 --out three --resume --quiet
> ...
$ cadre train --options tiny.json --data texts --steps 2 --out back --quiet
> ...
$ ./many 3 cadre train --options tiny.json --data texts --steps 4 --out back --resume --quiet
> ...
$ cmp three/model.safetensors back/model.safetensors
> (nothing)

# four ranks and two sequences: other ways divide what the batch cannot
$ cadre train --options tiny.json --data texts --batch 2 --steps 2 --out pair --quiet
> ...
$ ./many 4 cadre train --options tiny.json --data texts --batch 2 --steps 2 --out pair-by-4 --quiet
> ...
$ cmp pair/model.safetensors pair-by-4/model.safetensors
> (nothing)

# an adapter and preferences on ranks that divide the batch: experts' pairs, answers of one pair on
# two ranks, and another number of ranks that goes on
$ cadre train --recipe olmoe --data texts --layers 2 --width 32 --heads 2 --experts 6 --topk 2 \
+     --vocab 512 --batch 4 --context 32 --steps 1 --out base --quiet && \
+     cadre convert base base.gguf --dtype q8_0 --quiet
$ echo '{"from": "base.gguf", "data": ["texts"], "batch": 12, "context": 32, "steps": 4, "lr": 0.01,
+     "schedule": "constant", "adapter": "lora", "rank": 2, "targets": "q,o,gate_up,down",
+     "threads": 1}' > pairs.json
$ cadre train --options pairs.json --out alone --quiet
> ...
$ ./many 3 cadre train --options pairs.json --steps 2 --out both --quiet
> ...
$ ./many 2 cadre train --options pairs.json --out both --resume --quiet
> ...
$ cmp alone/adapter_model.safetensors both/adapter_model.safetensors
> (nothing)
$ for i in $(seq 12); do echo "{\"prompt\": \"The $i. token\", \"chosen\": \" goes to $i\",
+     \"rejected\": \" stays at $((i * 3))\"}" | tr -d '\n'; echo; done > answers.jsonl
$ cadre train --from one --preference answers.jsonl --batch 6 --steps 3 --out liked --quiet
> ...
$ ./many 3 cadre train --from one --preference answers.jsonl --batch 6 --steps 3 --out liked-by-3 \
+     --quiet
> ...
$ cmp liked/model.safetensors liked-by-3/model.safetensors
> (nothing)
