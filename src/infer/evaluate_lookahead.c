/* evaluate_lookahead.c - predicts the same tokens in whole windows and in windows that are cut off
 * behind the last token that a prediction may know. */
#include "infer/evaluate_lookahead.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "infer/finite.h"
#include "infer/runner.h"
#include "moe/layer.h"

enum { WINDOWS = 16, PLACES = 16 };

typedef struct comparison {
    runner runner;
    int64_t context;
    int32_t *targets;      /* [context] -1: not predicted */
    real *losses;          /* [context] */
    int64_t place[PLACES]; /* of the predictions in a window */
    int64_t places;
} comparison;

bool evaluate_looks_ahead(const cadre_model *m)
{
    for (int64_t l = 0; l < m->config.layers; l++)
        if (m->config.layer[l].sparse && moe_config_has_lookahead(&m->config.layer[l].moe))
            return true;
    return false;
}

static cadre_status open_comparison(comparison *c, cadre_model *m)
{
    int64_t half = c->context / 2, rest = c->context - half;
    c->places = rest < PLACES ? rest : PLACES;
    for (int64_t k = 0; k < c->places; k++) c->place[k] = half + k * rest / c->places;
    c->targets = MEM_ARRAY(int32_t, c->context);
    c->losses = MEM_ARRAY(real, c->context);
    if (!c->targets || !c->losses) return CADRE_ENOMEM;
    CADRE_TRY(runner_open(m, c->context, 1, c->context, &c->runner));
    c->runner.may_stop = true;
    return CADRE_OK;
}

static void close_comparison(comparison *c)
{
    runner_close(&c->runner);
    mem_free(c->targets);
    mem_free(c->losses);
}

/* Adds the losses of the predictions at place[first .. first + n - 1] of a window that has only its
 * first `length` tokens. */
static cadre_status predict(
    comparison *c, const int32_t *window, int64_t length, int64_t first, int64_t n, double *nats)
{
    for (int64_t p = 0; p < length; p++) c->targets[p] = -1;
    for (int64_t k = first; k < first + n; k++) c->targets[c->place[k]] = window[c->place[k] + 1];
    CADRE_TRY(interrupt_check(NULL));
    CADRE_TRY(runner_feed(&c->runner, &(runner_chunk){ NULL, window, length }, 1));
    runner_losses(&c->runner, c->targets, c->losses);
    CADRE_TRY(runner_status(&c->runner));
    for (int64_t k = first; k < first + n; k++) *nats += (double)c->losses[c->place[k]];
    return reals_are_finite(c->losses, length)
               ? CADRE_OK
               : refuse_not_finite(c->runner.model, "the losses of the text");
}

static cadre_status compare_window(comparison *c, const int32_t *window, lookahead_evaluation *e)
{
    CADRE_TRY(predict(c, window, c->context, 0, c->places, &e->nats_with));
    for (int64_t k = 0; k < c->places; k++)
        CADRE_TRY(predict(c, window, c->place[k] + 1, k, 1, &e->nats_without));
    e->tokens += c->places;
    return CADRE_OK;
}

cadre_status evaluate_lookahead(
    cadre_model *m, const int32_t *tokens, int64_t count, int64_t context, lookahead_evaluation *e)
{
    *e = (lookahead_evaluation){ 0 };
    if (context > count - 1) context = count - 1;
    if (context < 1) return CADRE_OK;
    int64_t last = count - 1 - context, windows = last + 1 < WINDOWS ? last + 1 : WINDOWS;
    comparison c = { .context = context };
    cadre_status status = open_comparison(&c, m);
    for (int64_t i = 0; i < windows && status == CADRE_OK; i++)
        status = compare_window(&c, tokens + (windows > 1 ? last * i / (windows - 1) : 0), e);
    close_comparison(&c);
    return status;
}
