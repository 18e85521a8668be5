/* measure.h - benchmarks, verification, the report.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_MEASURE_PUBLIC_H
#define CADRE_MEASURE_PUBLIC_H

#include "cadre/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- benchmarks ---- */

/* Each benchmark reports lines of one JSON object, as it gets them. Limits (FMA peak, read
 * bandwidth) are measured in the same run. */
typedef void (*cadre_line_listener)(void *arg, const char *line);

/* {"what": "square" or "grouped", "m", "n", "k", "experts", "mean_rows", "gflops",
 * "ratio_openblas", "peak_fraction"}: matrix products of the forward pass. ratio_openblas is
 * OpenBLAS's time for the same (with a loop over experts) divided by ours; null if it is not
 * installed. mean_rows is null if nothing is grouped. */
CADRE_API cadre_status cadre_bench_gemm(
    cadre_context *context, cadre_line_listener line, void *arg);

/* {"tokens_per_second", "active_parameters", "parameters", "gflops", "peak_fraction"} of a training
 * step on random tokens, with the options' recipe, sizes, batch and context. gflops counts 6
 * operations for each token and active parameter. */
CADRE_API cadre_status cadre_bench_train(
    cadre_context *context, cadre_options *options, cadre_line_listener line, void *arg);

/* The same, and "shares" of the step's time: {"products", "attention", "routing", "optimizer",
 * "other"}, which together are 1. Attention and routing have their own products. */
CADRE_API cadre_status cadre_bench_train_profile(
    cadre_context *context, cadre_options *options, cadre_line_listener line, void *arg);

/* {"tokens", "ratio_dense"}, a line for each number of tokens: the time of a training step of a
 * sparse layer (width 512, 64 experts of width 256, 8 picks; including routing and dispatch)
 * divided by that of a dense feed-forward with the same active work. */
CADRE_API cadre_status cadre_bench_layer(
    cadre_context *context, cadre_line_listener line, void *arg);

/* {"streams", "steps", "depth", "tokens_per_second", "bytes_per_token", "bandwidth",
 * "bandwidth_fraction"} of `streams` sequences that hold `depth` tokens and get `steps` more, one
 * in each pass, all together. Bytes are those of the weights that the passes read (an expert's
 * count once in a pass, however many sequences chose it) and of the cache. bandwidth: bytes per
 * second that this machine reads. */
CADRE_API cadre_status cadre_bench_decode(cadre_model *model, int64_t steps, int64_t streams,
    int64_t depth, cadre_line_listener line, void *arg);
/* Also records the experts of the tokens, as cadre_generate does (routes NULL: does not). Of a
 * model that was opened with less memory than it takes, the run begins with an empty store, and the
 * line adds {"slots", "experts", "hit_rate", "belady_hit_rate", "read_bytes_per_token",
 * "waited_fraction", "disk_bandwidth", "disk_fraction", "policy", "reads"}. */
CADRE_API cadre_status cadre_bench_decode_recorded(cadre_model *model, int64_t steps,
    int64_t streams, int64_t depth, const char *routes, cadre_line_listener line, void *arg);

/* {"what": "cache", "slots", "experts", "best_possible", and a hit rate for each policy} of stores
 * of several sizes that begin empty, had they served the tokens of a recording of routes. Then, of
 * the second half of the tokens alone, "second_half" and "second_half_warm": the first policy's,
 * of a store that begins empty, and of one that begins with what the first half used most. */
CADRE_API cadre_status cadre_bench_cache(
    const char *recording, cadre_line_listener line, void *arg);

/* {"tokens", "tokens_per_second", "gflops", "peak_fraction"} of reading a prompt of `tokens`.
 * gflops counts 2 operations for each token and active weight. */
CADRE_API cadre_status cadre_bench_prefill(
    cadre_model *model, int64_t tokens, cadre_line_listener line, void *arg);

/* {"what": "alltoall", "ranks", "bytes", "seconds", "ratio_raw", "method"} of the exchange among
 * all ranks of the context, a line for each size. bytes: that a rank sends to all others together.
 * ratio_raw: seconds divided by those of MPI's own exchange with the same counts, which waits for
 * ever for a rank that is lost; null without `raw`. */
CADRE_API cadre_status cadre_bench_alltoall(
    cadre_context *context, bool raw, cadre_line_listener line, void *arg);

/* ---- verification ---- */

/* One check on this machine: a reference number, a gradient, a kernel. Strings are borrowed for the
 * call. */
typedef struct cadre_verification {
    size_t size; /* filled in */
    const char *group, *name;
    bool passed;
    const char *detail; /* what was found */
} cadre_verification;

typedef void (*cadre_verify_listener)(void *arg, const cadre_verification *v);

/* Runs every check and reports each. threads 0: the cores that this process may use. */
CADRE_API cadre_status cadre_verify(int threads, cadre_verify_listener listener, void *arg);

/* ---- report ---- */

/* Writes a self-contained web page to `out`. `run` is the folder of a training run (run.json and,
 * as far as they exist, metrics.jsonl, analysis.json and compare.json), a file of recorded routes,
 * or the folder of a mixture on a table. The page replaces `out` completely or not at all. */
CADRE_API cadre_status cadre_report_write(const char *run, const char *out);

/* Does the same for two training runs side by side: losses and balance over the steps, bits per
 * byte by domain, loads, what domain and expert share, and the settings in which they differ. */
CADRE_API cadre_status cadre_report_compare(const char *first, const char *second, const char *out);

#ifdef __cplusplus
}
#endif
#endif
