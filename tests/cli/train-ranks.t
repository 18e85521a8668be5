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
