# a benchmark's rows come as they are measured; what runs into a closed pipe stops there
$ cadre bench gemm --threads 2 | head -2
> {"what": "square", "m": 512, "n": 512, "k": 512, "experts": 1, "mean_rows": null, "gflops": *,
+  "ratio_openblas": *, "peak_fraction": *}
> {"what": "square", "m": 1024, "n": 1024, "k": 1024, *}

# a training step, of the model that the options describe
$ cadre bench train --layers 1 --width 32 --heads 2 --experts 4 --topk 2 --expert-width 16 \
+     --vocab 512 --batch 2 --context 32
> {"tokens_per_second": *, "active_parameters": *, "parameters": 43296, "gflops": *,
+  "peak_fraction": *}
2> (nothing)

$ cadre bench gem
2> cadre: bench: expected one of *gemm, layer*, found 'gem'
2>        did you mean 'gemm'?
? 2

# speed of a model: a line of JSON with the limits of the machine in it
$ cadre init m.gguf --recipe olmoe --layers 1 --width 32 --heads 2 --experts 4 --topk 2 \
+     --expert-width 16 --vocab 512 --dtype bf16 --quiet
$ cadre bench decode m.gguf -n 2 --streams 3 --depth 5 --json
> {"streams": 3, "steps": 2, "depth": 5, "tokens_per_second": *, "bytes_per_token": *, "bandwidth":
+  *, "bandwidth_fraction": *}
2> (nothing)

$ cadre bench prefill m.gguf --tokens 9 --threads 1
> {"tokens": 9, "tokens_per_second": *, "gflops": *, "peak_fraction": *}
2> (nothing)

$ cadre bench prefill m.gguf --tokens 9 --replicas 2 --seed 2 > /dev/null
2> --seed has no effect: only bench train reads it
2> --replicas has no effect: one process holds all experts

$ cadre bench decode
2> cadre: bench decode: expected a MODEL, found nothing
? 2
$ cadre bench layer m.gguf
2> cadre: bench layer: expected no more arguments, found 'm.gguf'
? 2
$ cadre bench decode m.gguf -n 0
2> cadre: --length: expected an integer from 1 to 1048576, found '0'
? 2
$ cadre bench decode nowhere
? 1

# an option that the benchmark does not read is refused, by name, with those that do
$ cadre bench gemm --batch 4
2> cadre: bench gemm: --batch: expected no value, because nothing uses it here, found one
2>        it is for bench train
? 2
$ cadre bench layer --experts 4
2> cadre: bench layer: --experts: *
2>        it is for bench train
? 2
$ cadre bench decode m.gguf --tokens 4
2> cadre: bench decode: --tokens: *
2>        it is for bench prefill
? 2
$ cadre bench train --repack
2> cadre: bench train: --repack: *
2>        it is for bench decode and prefill
? 2
$ cadre bench prefill m.gguf --width 64
2> cadre: bench prefill: --width: *
2> *
? 2
