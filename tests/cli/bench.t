# a benchmark's rows come as they are measured; what runs into a closed pipe stops there
$ cadre bench gemm --threads 2 | head -2
> {"what": "square", "m": 512, "n": 512, "k": 512, "experts": 1, "mean_rows": null, "gflops": *, "ratio_openblas": *, "peak_fraction": *}
> {"what": "square", "m": 1024, "n": 1024, "k": 1024, *}

$ cadre bench gem
2> cadre: bench: expected one of *gemm, layer*, found 'gem'
2>        did you mean 'gemm'?
? 2
