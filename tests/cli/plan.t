# plans: layouts of a cluster, best first; and simulations of recorded routes
$ cadre plan
2> cadre: plan: expected a MODEL or --recipe, found neither
2>        'cadre plan MODEL', or 'cadre plan --recipe NAME' and sizes
? 2

$ cadre plan $HERE/../../examples/machines/qwen3-30b-a3b.json --machines 2 --weight-bits 4.5 \
+     --memory 64G --bandwidth 60e9 --flops 1e12 --quiet
> layout *memory of a rank *tokens/s *communication *fits
> tensor=2 *8.65 GB*yes
> expert=2 *9.11 GB*yes
> one machine *17.3 GB*yes
> pipeline=2 *yes
2> (nothing)

# a machine that is too small, and one that has no number
$ cadre plan $HERE/../../examples/machines/deepseek-v3.json --machines 1 --weight-bits 4.5 \
+     --memory 64G --bandwidth 60e9 --flops 1e12 --quiet --json
> {"layouts":[{"expert":1,"data":1,"pipeline":1,"tensor":1,"virtual":1,"memory_bytes":3*,
+ "tokens_per_second":2.*,"communication_fraction":0.0,"fits":false}]}

$ cadre plan $HERE/../../examples/machines/deepseek-v3.json --memory 64X
2> cadre: --memory: expected a size, as 6G, found '64X'
? 2

$ cadre plan $HERE/../../examples/machines/deepseek-v3.json --for train
2> cadre: --for train: expected --recipe and sizes, which say how it trains, found a model
? 2

# a recipe is planned by its own steps
$ cadre plan --recipe olmoe --layers 2 --width 64 --heads 4 --experts 4 --topk 2 --vocab 512 \
+     --context 32 --batch 8 --machines 2 --flops 1e9 --bandwidth 1e9 --threads 1 --quiet
> layout *
> ...
> one machine *
> ...

# stages with several blocks of layers, which need micro-batches that take turns
$ cadre plan --recipe olmoe --layers 4 --width 64 --heads 4 --experts 4 --topk 2 --vocab 512 \
+     --context 32 --batch 8 --accumulate 4 --machines 2 --flops 1e9 --bandwidth 1e9 --threads 1 \
+     --quiet --json | grep -o '"pipeline":2,"tensor":1,"virtual":.'
> "pipeline":2,"tensor":1,"virtual":2
> "pipeline":2,"tensor":1,"virtual":1

# layouts that the trainer refuses are not listed: no ranks train a bias by distance
$ cadre plan --recipe switch-t5 --layers 4 --width 64 --heads 4 --experts 4 --vocab 512 \
+     --context 32 --batch 8 --machines 2 --flops 1e9 --bandwidth 1e9 --threads 1 --quiet
> layout *
> one machine *

# what the trainer refuses of a recipe is refused here too
$ cadre plan --recipe olmoe --layers 2 --width 64 --heads 4 --experts 4 --topk 2 --vocab 512 \
+     --context 32 --batch 8 --accumulate 3 --machines 2 --flops 1e9 --bandwidth 1e9 --threads 1
2> cadre: --accumulate: expected a divisor of the batch of 8 sequences, found 3
? 2

# copies of experts take memory: with 128 further ones, each of two ranks has all 128 experts
$ cadre plan $HERE/../../examples/machines/qwen3-30b-a3b.json --machines 2 --weight-bits 4.5 \
+     --bandwidth 60e9 --flops 1e12 --quiet --placement replicated --replicas 128
> layout *memory of a rank *
> tensor=2 *8.65 GB*
> expert=2 *17.3 GB*
> ...

# what ranks there are without mpirun
$ cadre bench alltoall
2> cadre: bench alltoall: expected several processes, as 'mpirun -n 2 cadre bench alltoall' *
? 2

$ cadre bench alltoall --parallel expert=2
2> cadre: --parallel expert=2: expected parts whose product is the number of ranks, 1, found 2
2>        mpirun -n 2 cadre ... starts so many
? 2

$ cadre init m --recipe olmoe --layers 2 --width 32 --heads 2 --experts 8 --topk 2 \
+     --expert-width 32 --vocab 64 --context 64 --quiet &&
+     cadre generate m --tokens 1,2,3 -n 40 --ids --routes routes.jsonl > ids
2> (nothing)

$ cadre simulate routes.jsonl --ranks 4 --placement balanced --tokens 8 --json
> {"ranks":4,"placement":"balanced","load_max_over_mean":*,"bytes_per_token":*,
+ "seconds_per_token":*}

# one rank has all, and sends nothing
$ cadre simulate routes.jsonl --ranks 1 --json
> {"ranks":1,"placement":"even","load_max_over_mean":1.0,"bytes_per_token":0.0,
+ "seconds_per_token":*}

# every placement, unless one is asked for; and the loads of a training run's steps
$ cadre simulate routes.jsonl --ranks 4096
> placement *
> even *
> balanced *
> replicated *

$ for i in 1 2 3 4; do
+     echo '{"step": 1, "tokens": 20, "loads": [[8, 8, 2, 2]]}'
+ done > metrics.jsonl && cadre simulate metrics.jsonl --ranks 2 --placement balanced
> placement  busiest *
> balanced *1.000 *

$ cadre simulate m/config.json
2> cadre: m/config.json*
? 1
