/* lookahead.c - the next layer's norm and router on this layer's residual stream, in the scratch
 * memory that the layer itself takes after it. */
#include "model/lookahead.h"

#include "base/memory.h"
#include "kernel/gemm.h"
#include "op/norm.h"

enum { MOST_TOKENS = 8 };

typedef struct guess {
    real *normed, *score; /* [T, D], [T, E] */
} guess;

static void lay(guess *g, arena *a, int64_t tokens, int64_t width, int64_t experts)
{
    g->normed = ARENA_ARRAY(a, real, tokens * width);
    g->score = ARENA_ARRAY(a, real, tokens * experts);
}

void lookahead(transformer *t, const model_weights *w, int64_t next, const real *y)
{
    int64_t tokens = t->now->batch.tokens, width = t->config->width;
    if (!w->source || !w->source->expect || next < 0 || tokens > MOST_TOKENS) return;
    const moe_config *moe = &t->config->layer[next].moe;
    const weight *own = &w->layer[next].moe.router.matrix;
    arena measured = { 0 }, memory = { .base = t->moe_scratch, .size = t->moe_scratch_bytes };
    guess guessed;
    lay(&guessed, &measured, tokens, width, moe->experts);
    if (!own->data || own->rows != moe->experts || own->cols != width ||
        measured.used > memory.size)
        return;
    lay(&guessed, &memory, tokens, width, moe->experts);
    real *score = guessed.score;
    const weight *role = w->layer[next].role;
    bool own_norm = role[ROLE_ROUTER_NORM].data != NULL;
    norm n = { .heads = 1,
        .width = width,
        .gain = role[own_norm ? ROLE_ROUTER_NORM : ROLE_FFN_NORM].data,
        .eps = (real)t->config->norm_eps };
    norm_forward(t->c, &n, tokens, rows_from(y, width), rows_to(guessed.normed, width), NULL);
    gemm_group g = { .m = tokens,
        .n = moe->experts,
        .k = width,
        .a = guessed.normed,
        .a_stride = width,
        .b = weight_matrix(own, 0),
        .c = score,
        .c_stride = moe->experts };
    gemm_grouped(t->c, GEMM_NT, &g, 1, false);
    const real *correction = w->layer[next].moe.router.correction;
    if (correction) t->c->variant->rows->sigmoid(tokens * moe->experts, score, score);
    for (int64_t i = 0; correction && i < tokens * moe->experts; i++)
        score[i] += correction[i % moe->experts];
    w->source->expect(w->source, next, score, tokens);
}
