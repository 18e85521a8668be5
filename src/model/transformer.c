/* transformer.c - takes a batch through the whole stack, forward and backward: embedding, blocks,
 * last norm, logits and losses. */
#include "model/transformer.h"

#include <assert.h>
#include <string.h>

#include "arch/token_types.h"
#include "base/comm.h"
#include "base/interrupt.h"
#include "mixer/sequence_state.h"
#include "model/block.h"
#include "model/relative_bias.h"
#include "op/dropout.h"
#include "op/embedding.h"
#include "op/norm.h"
#include "op/parallel.h"

static void take_batch(transformer *t, const token_batch *b)
{
    t->now->batch = *b;
    t->now->batch.positions = t->now->places;
    if (t->now->types)
        t->now->batch.types = token_types_of(t->config, b->inputs, b->tokens, t->now->types);
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t first = b->states ? b->states[i]->length : 0;
        for (int64_t p = b->start[i]; p < b->start[i + 1]; p++)
            t->now->places[p] = (int32_t)(first + p - b->start[i]);
    }
}

static norm out_norm_of(const transformer *t, const model_weights *w, const model_gradients *g)
{
    return (norm){ .heads = 1,
        .width = t->config->width,
        .gain = w->out_norm.data,
        .dgain = g ? g->out_norm : NULL,
        .eps = (real)t->config->norm_eps,
        .accumulate = g && g->accumulate,
        .leaves = g ? g->leaves : NULL };
}

/* If the pool of one state is full, no state has changed. */
static cadre_status reserve_states(const token_batch *b)
{
    for (int64_t i = 0; b->states && i < b->sequences; i++)
        CADRE_TRY(sequence_state_reserve(b->states[i], b->start[i + 1] - b->start[i]));
    return CADRE_OK;
}

/* Where this rank has a slice of the embedding, it has looked its tokens' rows up: the others come
 * from the ranks that have the other slices. */
static void bring_rows(const transformer *t, const model_weights *w, real *x)
{
    const token_batch *b = &t->now->batch;
    comm *ranks = t->tensor.ranks;
    int64_t first[BATCH_RANKS + 1] = { 0 }, at[BATCH_RANKS], width = t->config->width;
    size_t row = (size_t)width * sizeof *x;
    real *rows = t->tensor.scratch;
    if (!w->embed.slice) return;
    for (int64_t i = 0; i < b->tokens; i++)
        first[share_owner(t->config->vocab, b->inputs[i], ranks->size) + 1]++;
    for (int r = 0; r < ranks->size; r++) first[r + 1] += first[r], at[r] = first[r];
    for (int64_t i = 0; i < b->tokens; i++)
        if (share_owner(t->config->vocab, b->inputs[i], ranks->size) == ranks->rank)
            memcpy(rows + at[ranks->rank]++ * width, x + i * width, row);
    at[ranks->rank] = first[ranks->rank];
    comm_all_gather_v(ranks, rows + at[ranks->rank] * width, first, row, rows);
    for (int64_t i = 0; i < b->tokens; i++)
        memcpy(x + i * width,
            rows + at[share_owner(t->config->vocab, b->inputs[i], ranks->size)]++ * width, row);
}

static void embed_inputs(const transformer *t, const model_weights *w)
{
    const token_batch *b = &t->now->batch;
    embedding e = { .table = &w->embed, .scale = (real)t->config->embedding_scale };
    embedding_forward(
        t->c, &e, b->tokens, b->inputs, rows_to(t->now->blocks[0].x, t->config->width));
    bring_rows(t, w, t->now->blocks[0].x);
    block_drop(t, t->config->layers, 0, t->now->blocks[0].x);
}

static void norm_end(const transformer *t, const model_weights *w)
{
    const pass *p = t->now;
    int64_t width = t->config->width;
    norm n = out_norm_of(t, w, NULL);
    norm_forward(t->c, &n, p->batch.tokens, rows_from(p->end, width), rows_to(p->hidden, width),
        p->end_inverse);
}

static cadre_status stop_if_asked(const token_batch *b)
{
    return b->may_stop ? interrupt_check(NULL) : CADRE_OK;
}

/* Where block l leaves the residual. Without a backward pass that is its own s->x. */
static real *output_of(const transformer *t, int64_t l)
{
    return l + 1 == t->stage.end ? t->now->end : transformer_block(t, l + 1)->x;
}

cadre_status transformer_forward(transformer *t, const model_weights *w, const token_batch *b,
    balance *balancing, transformer_watch watch, void *arg)
{
    const model_config *c = t->config;
    CADRE_TRY(reserve_states(b));
    take_batch(t, b);
    t->now->balance = balancing;
    if (t->bias) relative_bias_fill(c, &w->relative, t->most.keys, t->bias);
    if (t->stage.first == 0) embed_inputs(t, w);
    for (int64_t l = t->stage.first; l < t->stage.end; l++) {
        CADRE_TRY(stop_if_asked(b));
        block_state *s = transformer_block(t, l);
        real *out = output_of(t, l);
        CADRE_TRY(block_forward(t, w, l, s, out));
        t->last_forward = s;
        if (watch && c->layer[l].sparse) watch(arg, l, &s->sparse.plan);
    }
    if (transformer_is_last(t)) norm_end(t, w);
    for (int64_t i = 0; b->states && i < b->sequences; i++)
        sequence_state_advance(b->states[i], b->start[i + 1] - b->start[i]);
    return CADRE_OK;
}

static real logit_scale(const transformer *t) { return (real)model_config_logit_scale(t->config); }

const real *transformer_hidden(const transformer *t) { return t->now->hidden; }

typedef struct cap_task {
    const row_kernels *rows;
    real cap;
    real *logits;
} cap_task;

static void cap_range(void *arg, int64_t begin, int64_t end)
{
    const cap_task *k = arg;
    loss_cap_logits(k->rows, k->cap, end - begin, k->logits + begin);
}

/* logits [rows, V] of hidden states [rows, D] */
static void multiply_head(
    transformer *t, const model_weights *w, int64_t rows, const real *hidden, real *logits)
{
    linear head = { .w = w->head };
    int64_t vocab = t->config->vocab;
    /* Rows of logits are long enough to be gathered one by one */
    const column_gather by_row = { .ranks = t->tensor.ranks };
    linear_forward(t->c, &head, rows, rows_from(hidden, t->config->width),
        rows_to(logits + gather_first(&by_row, vocab, vocab), vocab));
    gather_columns(&by_row, rows, vocab, vocab, logits);
    real scale = logit_scale(t);
    if (scale != 1) t->c->variant->rows->scale(rows * vocab, scale, logits, logits);
    cap_task cap = { t->c->variant->rows, (real)t->config->logit_softcap, logits };
    if (t->config->logit_softcap > 0)
        parallel_over(t->c, rows * vocab, 4096, rows * vocab * 8, cap_range, &cap);
}

void transformer_logits(
    transformer *t, const model_weights *w, int64_t first, int64_t rows, real *logits)
{
    multiply_head(t, w, rows, t->now->hidden + first * t->config->width, logits);
}

/* Gathers the rows where the last block left its sum, which the last norm has read. */
void transformer_logits_of(
    transformer *t, const model_weights *w, const int64_t *rows, int64_t count, real *logits)
{
    int64_t width = t->config->width;
    for (int64_t i = 0; i < count; i++)
        memcpy(t->now->end + i * width, t->now->hidden + rows[i] * width,
            (size_t)width * sizeof *t->now->end);
    multiply_head(t, w, count, t->now->end, logits);
}

void transformer_losses(
    transformer *t, const model_weights *w, const int32_t *targets, real *losses)
{
    const column_gather by_row = { .ranks = t->tensor.ranks };
    loss_head head = { { .w = w->head }, logit_scale(t), (real)t->config->logit_softcap,
        t->tensor.ranks ? &by_row : NULL, t->config->vocab };
    loss_pass head_pass = { .tokens = t->now->batch.tokens,
        .x = rows_from(t->now->hidden, t->config->width),
        .targets = targets,
        .losses = losses };
    loss_forward(t->c, &head, &t->loss, &head_pass);
}

void transformer_weigh_losses(transformer *t, const real *weights) { t->loss_weights = weights; }

/* Computes the losses, and t->dnormed, the gradient by the normed hidden states. */
static void losses_backward(transformer *t, const model_weights *w, model_gradients *g,
    const int32_t *targets, real scale, real *losses)
{
    loss_head head = {
        .head = { .w = w->head, .dw = g->head, .accumulate = g->accumulate, .leaves = g->leaves },
        .logit_scale = logit_scale(t),
        .tensor = transformer_tensor(t),
        .all = t->config->vocab
    };
    loss_pass head_pass = { .tokens = t->now->batch.tokens,
        .x = rows_from(t->now->hidden, t->config->width),
        .targets = targets,
        .losses = losses,
        .scale = scale,
        .weights = t->loss_weights,
        .dx = rows_to(t->dnormed, t->config->width) };
    loss_forward_backward(t->c, &head, &t->loss, &head_pass);
}

/* t->dx: the gradient by the residual after the last block */
static void end_backward(
    transformer *t, const model_weights *w, model_gradients *g, const real *dhidden)
{
    const pass *p = t->now;
    int64_t width = t->config->width;
    norm n = out_norm_of(t, w, g);
    norm_backward(t->c, &n, p->batch.tokens, rows_from(p->end, width), p->end_inverse,
        rows_from(dhidden, width), rows_to(t->dx, width));
}

/* The ids and gradients of all ranks' tokens: the embedding's gradient is one chain over them. */
static void gather_embedded(const transformer *t, const batch_ranks *ranks)
{
    const token_batch *b = &t->now->batch;
    const int64_t *first = ranks->first_token;
    int64_t width = t->config->width;
    comm_all_gather_v(ranks->comm, b->inputs, first, sizeof *b->inputs, t->all_inputs);
    comm_all_gather_v(ranks->comm, t->dx, first, (size_t)width * sizeof(real), t->all_dx);
}

static void embedding_gradient(const transformer *t, const model_weights *w, model_gradients *g)
{
    const token_batch *b = &t->now->batch;
    embedding e = { .table = &w->embed,
        .scale = (real)t->config->embedding_scale,
        .dtable = g->embed,
        .accumulate = g->accumulate || g->head == g->embed };
    block_drop(t, t->config->layers, 0, t->dx);
    if (!g->embed) return; /* it is not trained */
    if (b->ranks) gather_embedded(t, b->ranks);
    if (b->ranks)
        embedding_backward(
            t->c, &e, b->ranks->tokens, t->all_inputs, rows_from(t->all_dx, t->config->width));
    else embedding_backward(t->c, &e, b->tokens, b->inputs, rows_from(t->dx, t->config->width));
}

static void clear_encoder_gradient(const transformer *t)
{
    const token_batch *b = &t->now->batch;
    if (!t->dencoder) return;
    size_t count = (size_t)(b->encoder_start[b->sequences] * t->config->width);
    memset(t->dencoder, 0, count * sizeof *t->dencoder);
}

/* Brings back what block l's forward left: the same call on the same input, with the same random
 * numbers. Its output is written again, over the same bits. The balance has counted it already. */
static cadre_status forward_again(transformer *t, const model_weights *w, int64_t l)
{
    block_state *s = transformer_block(t, l);
    if (!t->most.recompute || s == t->last_forward) return CADRE_OK;
    t->recomputes = true;
    cadre_status status = block_forward(t, w, l, s, output_of(t, l));
    t->recomputes = false;
    return status;
}

/* From t->dx, the gradient by the end of the stage, to the parameters' gradients and to t->dx, the
 * gradient by its beginning. */
static cadre_status blocks_backward(transformer *t, const model_weights *w, model_gradients *g)
{
    clear_encoder_gradient(t);
    for (int64_t l = t->stage.end - 1; l >= t->stage.first; l--) {
        CADRE_TRY(stop_if_asked(&t->now->batch));
        CADRE_TRY(forward_again(t, w, l));
        block_backward(t, &w->layer[l], &g->layer[l], l, transformer_block(t, l));
        t->last_forward = NULL;
    }
    if (t->dbias && g->relative)
        relative_bias_gradient(
            t->config, t->dbias, t->stage.end - t->stage.first, t->most.keys, g->relative);
    if (t->stage.first == 0) embedding_gradient(t, w, g);
    return CADRE_OK;
}

cadre_status transformer_backward(transformer *t, const model_weights *w, model_gradients *g,
    const int32_t *targets, real scale, real *losses)
{
    if (transformer_is_last(t)) {
        losses_backward(t, w, g, targets, scale, losses);
        end_backward(t, w, g, t->dnormed);
    }
    return blocks_backward(t, w, g);
}

cadre_status transformer_backward_from(
    transformer *t, const model_weights *w, model_gradients *g, const real *dhidden)
{
    end_backward(t, w, g, dhidden);
    return blocks_backward(t, w, g);
}

const real *transformer_encoder_gradient(const transformer *t) { return t->dencoder; }

void transformer_end_router_step(transformer *t, int64_t l, real *const *own)
{
    moe_layer_end_step(&t->config->layer[l].moe, &t->now->blocks[l - t->stage.first].sparse, own);
}

/* ---- stages ---- */

void transformer_select_pass(transformer *t, int i)
{
    assert(i >= 0 && i < t->stage.passes);
    t->now = &t->passes[i];
}

real *transformer_entry(transformer *t) { return t->now->blocks[0].x; }
const real *transformer_exit(const transformer *t) { return t->now->end; }
real *transformer_gradient(transformer *t) { return t->dx; }
