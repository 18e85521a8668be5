/* prefill.c - measures reading a prompt: random tokens in chunks, and the logits of the last one,
 * compared with the multiply-add peak.
 *
 * Two operations are counted for each token and active weight, those of the head for one token
 * only, and none for attention itself. */
#include "base/memory.h"
#include "base/random.h"
#include "bench/limits.h"
#include "bench/result.h"
#include "infer/runner.h"
#include "kernel/context.h"

static const double SECONDS = 10; /* about, for all repetitions */

typedef struct prefilling {
    int64_t count;
    runner runner;
    session session;
    int32_t *tokens; /* [count] */
    real *logits;    /* [V] */
    cadre_status status;
} prefilling;

static void run_all(void *arg)
{
    prefilling *p = arg;
    int64_t last = 0;
    session_rewind(&p->session, 0);
    for (int64_t at = 0; at < p->count; at += last) {
        last = runner_pass_tokens(p->count - at);
        p->status =
            runner_feed(&p->runner, &(runner_chunk){ &p->session, p->tokens + at, last }, 1);
        if (p->status != CADRE_OK) return;
    }
    last--;
    runner_logits(&p->runner, &last, 1, p->logits);
    p->status = runner_status(&p->runner);
}

static double operations(const cadre_model *m, int64_t tokens)
{
    int64_t head = m->config.vocab * m->config.width, lookup = m->config.tie ? 0 : m->config.width;
    return 2 * ((double)tokens * (double)(m->table.active - head - lookup) + (double)head);
}

static cadre_status put_line(
    const prefilling *p, double seconds, double peak, cadre_line_listener line, void *arg)
{
    double rate = operations(p->runner.model, p->count) / seconds;
    json_writer w = result_new();
    json_put_int(&w, "tokens", p->count);
    json_put_real(&w, "tokens_per_second", (double)p->count / seconds);
    json_put_real(&w, "gflops", rate / 1e9);
    json_put_real(&w, "peak_fraction", rate / peak);
    return result_put(&w, line, arg);
}

static cadre_status open_all(prefilling *p, cadre_model *model)
{
    random_key key = random_key_of(0, "bench", 0, 0);
    CADRE_TRY(runner_open(model, runner_pass_tokens(p->count), 1, p->count, &p->runner));
    CADRE_TRY(session_open(model, p->count, &p->session));
    p->tokens = MEM_ARRAY(int32_t, p->count);
    p->logits = MEM_ARRAY(real, model->config.vocab);
    if (!p->tokens || !p->logits) return CADRE_ENOMEM;
    for (int64_t i = 0; i < p->count; i++)
        p->tokens[i] = (int32_t)(random_bits(key, (uint64_t)i) % (uint64_t)model->config.vocab);
    return CADRE_OK;
}

static void close_all(prefilling *p)
{
    runner_close(&p->runner);
    session_close(&p->session);
    mem_free(p->tokens);
    mem_free(p->logits);
}

static cadre_status bench_prefill(
    cadre_model *model, int64_t tokens, cadre_line_listener line, void *arg)
{
    if (tokens < 1)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "tokens: expected at least 1, found %lld", (long long)tokens);
    prefilling p = { .count = tokens };
    cadre_status status = open_all(&p, model);
    if (status == CADRE_OK) {
        double seconds = bench_best(run_all, &p, SECONDS);
        status = p.status;
        if (status == CADRE_OK)
            status = put_line(&p, seconds, bench_fma_peak(model->context->compute), line, arg);
    }
    close_all(&p);
    return status;
}

cadre_status cadre_bench_prefill(
    cadre_model *model, int64_t tokens, cadre_line_listener line, void *arg)
{
    CADRE_TRY(context_enter(model->context));
    return context_leave(model->context, bench_prefill(model, tokens, line, arg));
}
