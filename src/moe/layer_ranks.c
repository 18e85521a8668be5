/* layer_ranks.c - the routed experts of a layer whose batch ranks divide (exchange.h). What comes
 * home is what one rank would have computed, row by row. */
#include <string.h>

#include "base/share.h"
#include "moe/layer_run.h"
#include "op/parallel.h"

typedef struct copy_job {
    const real *from;
    real *to;
    int64_t width;
    const int32_t *row; /* of `from`, or of `to` */
    bool scatter;
} copy_job;

static void copy_task(void *arg, int64_t begin, int64_t end)
{
    const copy_job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t from = j->scatter ? i : j->row[i], to = j->scatter ? j->row[i] : i;
        memcpy(j->to + to * j->width, j->from + from * j->width, (size_t)j->width * sizeof(real));
    }
}

static void copy_rows(const layer_run *r, int64_t rows, const copy_job *job)
{
    copy_job own = *job;
    parallel_over(r->call->compute, rows, 1, rows * own.width, copy_task, &own);
}

/* Rows by token, [T, W], or by row already; gathered where they travel from. */
static const real *rows_to_send(const layer_run *r, const real *from, bool by_row)
{
    const exchange *x = &r->s->exchange;
    int64_t width = experts_width(r->c);
    if (by_row) return from + x->row * width;
    copy_rows(r, x->sent,
        &(copy_job){ from, r->scratch.outgoing, width, r->s->plan.row_token + x->row, false });
    return r->scratch.outgoing;
}

/* What experts put out, as computed, goes home: to the plan's rows. */
static void send_home(const layer_run *r, const real *computed, real *rows)
{
    const exchange *x = &r->s->exchange;
    int64_t width = experts_width(r->c);
    size_t row = (size_t)width * sizeof(real);
    copy_rows(r, x->received, &(copy_job){ computed, r->scratch.arrived, width, x->source, true });
    exchange_home(x, r->scratch.arrived, row, rows + x->row * width);
    exchange_join(x, &r->s->plan, row, rows);
}

static weight own_weight(const weight *all, const exchange *x)
{
    weight w = *all;
    if (w.expert) w.expert += x->first;
    if (w.expert_block_scales) w.expert_block_scales += x->first;
    if (w.pairs) w.pairs += x->first;
    return w;
}

static expert_weights own_weights(const expert_weights *all, const exchange *x)
{
    expert_weights w = *all;
    w.gate = own_weight(&all->gate, x);
    w.up = own_weight(&all->up, x);
    w.down = own_weight(&all->down, x);
    if (w.gate_bias) w.gate_bias += x->first;
    if (w.up_bias) w.up_bias += x->first;
    if (w.down_bias) w.down_bias += x->first;
    return w;
}

static expert_gradients own_gradients(const expert_gradients *all, const exchange *x)
{
    expert_gradients g = *all;
    if (g.gate) g.gate += x->first;
    if (g.up) g.up += x->first;
    if (g.down) g.down += x->first;
    if (g.gate_bias) g.gate_bias += x->first;
    if (g.up_bias) g.up_bias += x->first;
    if (g.down_bias) g.down_bias += x->first;
    return g;
}

/* The pass over this rank's experts, made of the one over all of them. */
static expert_pass own_pass(const layer_run *r, const expert_pass *all, const expert_weights *w)
{
    const exchange *x = &r->s->exchange;
    expert_pass e = *all;
    e.weights = w;
    e.plan = NULL;
    e.rows = (expert_rows){ .experts = x->own, .first = x->expert_first, .token = x->source };
    if (all->rows.weight) e.rows.weight = x->weight, e.rows.edge = x->source;
    e.dropout.expert = x->expert;
    e.dropout.token = x->token;
    return e;
}

static void exchange_tokens(const layer_run *r)
{
    exchange *x = &r->s->exchange;
    for (int64_t i = 0; i < x->sent; i++)
        x->token_sent[i] = r->call->batch->random.first_token + r->s->plan.row_token[x->row + i];
    int64_t *arrived = (int64_t *)(void *)r->scratch.arrived;
    exchange_out(x, x->token_sent, sizeof *arrived, arrived);
    for (int64_t i = 0; i < x->received; i++) x->token[i] = arrived[x->source[i]];
}

/* [E, W] the biases of all ranks' experts, which are added where rows come home */
static void gather_biases(layer_run *r, const expert_weights *w)
{
    exchange *x = &r->s->exchange;
    int64_t width = experts_width(r->c), first[BATCH_RANKS + 1];
    if (!r->scratch.biases) return;
    int64_t slice = exchange_expert(x, 0);
    size_t row = (size_t)width * sizeof(real);
    for (int i = 0; i <= x->comm->size; i++) first[i] = exchange_expert(x, i) - slice;
    for (int32_t e = 0; e < x->own; e++)
        memcpy(r->scratch.biases + (x->first + e) * width, w->down_bias[e], row);
    comm_all_gather_v(x->comm, r->scratch.biases + x->first * width, first, row,
        r->scratch.biases + slice * width);
    for (int i = 0; x->slices && i <= x->slices->size; i++)
        first[i] = share_begin(x->experts, i, x->slices->size);
    if (x->slices)
        comm_all_gather_v(
            x->slices, r->scratch.biases + slice * width, first, row, r->scratch.biases);
    for (int32_t e = 0; e < x->experts; e++) r->scratch.bias[e] = r->scratch.biases + e * width;
}

cadre_status exchanged_forward(layer_run *r, const expert_pass *all, const real *in, real *out)
{
    exchange *x = &r->s->exchange;
    size_t row = (size_t)experts_width(r->c) * sizeof(real);
    exchange_begin(x, r->call->batch->ranks, &r->s->plan, all->rows.experts);
    expert_weights own = own_weights(all->weights, x);
    expert_pass pass = own_pass(r, all, &own);
    exchange_out(x, rows_to_send(r, in, all->rows.x_by_row), row, x->x);
    if (all->dropout.chance > 0) exchange_tokens(r);
    gather_biases(r, &own);
    CADRE_TRY(experts_forward(&pass, x->x, r->scratch.outgoing));
    send_home(r, r->scratch.outgoing, out);
    return CADRE_OK;
}

/* The weights of the rows, where they stand on this rank's edges */
static void exchange_weights(const layer_run *r)
{
    const exchange *x = &r->s->exchange;
    const plan *p = &r->s->plan;
    for (int64_t i = 0; i < x->sent; i++)
        r->scratch.elements[i] =
            p->row_edge[x->row + i] < 0 ? 0 : p->edge_weight[p->row_edge[x->row + i]];
    exchange_out(x, r->scratch.elements, sizeof(real), x->weight);
}

void exchanged_backward(layer_run *r, const expert_pass *all, const real *dy,
    const expert_gradients *g, real *dweight, real *dx_rows)
{
    const exchange *x = &r->s->exchange;
    const plan *p = &r->s->plan;
    size_t row = (size_t)experts_width(r->c) * sizeof(real);
    expert_weights own = own_weights(all->weights, x);
    expert_gradients into = own_gradients(g, x);
    expert_pass pass = own_pass(r, all, &own);
    real *by_row = r->scratch.elements, *arrived = by_row + r->s->most_rows;
    pass.rows.edge = x->source;
    exchange_out(x, rows_to_send(r, dy, all->rows.dy_by_row), row, r->scratch.arrived);
    if (all->rows.weight) exchange_weights(r);
    experts_backward(&pass, x->x, r->scratch.arrived, &into, dweight ? arrived : NULL,
        r->scratch.outgoing, false);
    send_home(r, r->scratch.outgoing, dx_rows);
    if (!dweight) return;
    exchange_home(x, arrived, sizeof(real), by_row + x->row);
    exchange_join(x, p, sizeof(real), by_row);
    for (int64_t i = 0; i < p->first[x->experts]; i++)
        if (p->row_edge[i] >= 0) dweight[p->row_edge[i]] = by_row[i];
}
