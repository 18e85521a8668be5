# a cache of fewer bits: a number format for keys and values
$ cadre init m.gguf --recipe olmoe --layers 2 --width 64 --heads 2 --experts 4 --topk 2 \
+     --expert-width 16 --vocab 512 --context 128 --quiet
$ cadre generate m.gguf --tokens 3,9,27 -n 12 --greedy --ids > plain
$ cadre generate m.gguf --tokens 3,9,27 -n 12 --greedy --ids --cache f32 | cmp - plain
$ cadre generate m.gguf --tokens 3,9,27 -n 12 --greedy --ids --cache f16 --threads 1 > half
$ cadre generate m.gguf --tokens 3,9,27 -n 12 --greedy --ids --cache f16 --threads 3 | cmp - half
$ cadre generate m.gguf --tokens 3,9,27 -n 12 --greedy --ids --cache q8_0 --threads 1 > small
$ cadre generate m.gguf --tokens 3,9,27 -n 12 --greedy --ids --cache q8_0 --threads 3 | cmp - small
$ cadre logits m.gguf --tokens 3,9,27 --out plain.safetensors --quiet
$ cadre logits m.gguf --tokens 3,9,27 --out half.safetensors --cache f16 --quiet
$ cmp -s plain.safetensors half.safetensors
? 1

# what it takes is said: 128 tokens of 2 layers, keys and values of 64 elements
$ for f in f32 f16 q8_0; do cadre inspect m.gguf --cache $f --json | \
+     grep -o 'cache_bytes": *[0-9]*'; done
> cache_bytes":131072
> cache_bytes":65536
> cache_bytes":34816

$ cadre bench decode m.gguf -n 2 --depth 70 --cache q8_0
> {"streams": 1, "steps": 2, "depth": 70, *}
$ cadre bench prefill m.gguf --tokens 70 --cache f16
> {"tokens": 70, *}

# other formats, and heads that are no whole blocks
$ cadre generate m.gguf --tokens 3 --cache q4_0
2> cadre: --cache: expected f32, f16 or q8_0, found 'q4_0'
2>        did you mean 'q8_0'?
? 2
$ cadre init odd.gguf --recipe olmoe --layers 1 --width 32 --heads 2 --experts 4 --topk 2 \
+     --expert-width 16 --vocab 512 --quiet
$ cadre generate odd.gguf --tokens 3 --cache q8_0
2> cadre: odd.gguf: a cache in q8_0: expected heads of a multiple of 32 elements, found 16*
? 1
