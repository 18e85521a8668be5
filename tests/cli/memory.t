# models larger than the memory that weights may take: experts are read from the file
$ cadre init m.gguf --recipe olmoe --layers 2 --width 64 --heads 2 --experts 8 --topk 2 \
+     --expert-width 64 --vocab 512 --context 128 --dtype q8_0 --quiet
$ cadre init folder --recipe qwen3-moe --layers 2 --width 64 --heads 2 --experts 8 --topk 2 \
+     --expert-width 64 --vocab 512 --context 128 --quiet
$ for m in "m.gguf 240K" "m.gguf 0.3M" "folder 600K" "folder 700000"; do for t in 1 2; do
+     cadre generate ${m% *} --tokens 3,9,27 -n 12 --greedy --ids > plain
+     cadre generate ${m% *} --tokens 3,9,27 -n 12 --greedy --ids --memory ${m#* } \
+         --threads $t | cmp - plain
+ done; done

# a second run reads at once what the first one used most, or what a recording tells
$ cat .cadre/m.gguf.experts
> {"cadre_expert_use": 1, "tokens": *, "use": [[*]]}
$ cadre generate m.gguf --tokens 3,9,27 -n 12 --greedy --ids > plain
$ cadre generate m.gguf --tokens 3,9,27 -n 4 --greedy --ids --memory 240K --routes used.jsonl \
+     > part
$ for warm in earlier used.jsonl none; do
+     cadre generate m.gguf --tokens 3,9,27 -n 12 --greedy --ids --memory 240K --warm $warm |
+         cmp - plain
+ done
$ rm -r .cadre
$ cadre generate m.gguf --tokens 3 -n 2 --greedy --ids --memory 240K --warm none > part
$ ls .cadre
2> ls: *
? 2
$ cadre generate m.gguf --tokens 3 -n 2 --greedy --memory 1G --warm nowhere > /dev/null
2> --warm has no effect: all weights fit in the memory of --memory
$ cadre generate m.gguf --tokens 3 -n 2 --greedy --memory 1G --warm none > /dev/null
2> (nothing)
$ cadre generate m.gguf --tokens 3 -n 2 --memory 240K --warm m.gguf
2> cadre: m.gguf:1: expected valid JSON, found *
? 1

# too little, and what is no size
$ cadre generate m.gguf --tokens 3 --memory 100K
2> cadre: m.gguf: expected a memory of at least 17*K: 10*K for weights that are always there, and *
? 2
$ cadre generate m.gguf --tokens 3 --memory much
2> cadre: --memory: expected a size such as 512M or 6.5G, at least 1 bytes, found 'much'
? 2

# what is told
$ cadre inspect m.gguf --memory 240K --json | grep -o '"slots": *[0-9]*'
> "slots":*
$ cadre inspect m.gguf --memory 240K | grep -E 'stays|slots|least' | cut -c 1-20
> stays in memory   *
> slots             *
> least --memory    *
$ cadre inspect m.gguf --memory 10M --json | grep -c slots
> 0
? 1
$ cadre bench decode m.gguf -n 4 --memory 240K --routes routes.jsonl | grep -o '"hit_rate.*'
> "hit_rate": *, "belady_hit_rate": *, "read_bytes_per_token": *, "disk_fraction": *
$ wc -l < routes.jsonl
> 5

# what policies would have kept of a recording
$ cadre bench cache routes.jsonl | grep -c '"best_possible"'
> 6
$ cadre bench cache routes.jsonl | head -1
> {"what": "cache", "slots": 1, "experts": 16, "best_possible": *, "lru": *, "second_half*}
$ cadre bench cache
2> cadre: bench cache: expected a RECORDING, found nothing
? 2
$ cadre bench cache m.gguf
? 1
