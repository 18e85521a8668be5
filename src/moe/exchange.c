/* exchange.c - counts first, then rows. */
#include "moe/exchange.h"

#include "base/share.h"

void exchange_layout(
    exchange *x, arena *a, int32_t ranks, int32_t experts, int64_t rows, int64_t width)
{
    int64_t own = experts / ranks + 1;
    *x = (exchange){ 0 };
    x->count = ARENA_ARRAY(a, int64_t, ranks * own);
    x->wanted = ARENA_ARRAY(a, int64_t, experts);
    x->send_first = ARENA_ARRAY(a, int64_t, ranks + 1);
    x->receive_first = ARENA_ARRAY(a, int64_t, ranks + 1);
    x->expert_first = ARENA_ARRAY(a, int64_t, own + 1);
    x->source = ARENA_ARRAY(a, int32_t, rows);
    x->expert = ARENA_ARRAY(a, gexp, own);
    x->x = ARENA_ARRAY(a, real, rows * width);
    x->weight = ARENA_ARRAY(a, real, rows);
    x->token = ARENA_ARRAY(a, int64_t, rows);
    x->token_sent = ARENA_ARRAY(a, int64_t, rows);
}

static int slice_of(const exchange *x) { return x->slices ? x->slices->rank : 0; }
static int slices_of(const exchange *x) { return x->slices ? x->slices->size : 1; }

int64_t exchange_expert(const exchange *x, int r)
{
    int size = x->comm->size;
    return share_begin(x->experts, slice_of(x) * size + r, slices_of(x) * size);
}

/* Every rank says how many rows it has for each expert of each other. */
static void exchange_counts(exchange *x, const plan *p)
{
    int64_t send_first[BATCH_RANKS + 1], receive_first[BATCH_RANKS + 1];
    int ranks = x->comm->size;
    for (int r = 0; r <= ranks; r++) {
        send_first[r] = exchange_expert(x, r) - exchange_expert(x, 0);
        receive_first[r] = r * x->own;
    }
    for (int32_t e = 0; e < x->experts; e++) x->wanted[e] = p->first[e + 1] - p->first[e];
    comm_rows rows = { .send = x->wanted + exchange_expert(x, 0),
        .send_first = send_first,
        .receive = x->count,
        .receive_first = receive_first,
        .row = sizeof *x->wanted,
        .pair = (x->experts + ranks - 1) / ranks };
    comm_all_to_all_v(x->comm, &rows);
}

/* Rows as computed: expert after expert, and of each the ranks in order. */
static void order_rows(exchange *x)
{
    int ranks = x->comm->size;
    int64_t row = 0;
    x->receive_first[0] = 0;
    for (int r = 0; r < ranks; r++) {
        int64_t sum = 0;
        for (int32_t e = 0; e < x->own; e++) sum += x->count[r * x->own + e];
        x->receive_first[r + 1] = x->receive_first[r] + sum;
    }
    x->received = x->receive_first[ranks];
    for (int32_t e = 0; e < x->own; e++) {
        x->expert_first[e] = row;
        x->expert[e] = (gexp){ x->first + e };
        for (int r = 0; r < ranks; r++) {
            int64_t at = x->receive_first[r];
            for (int32_t before = 0; before < e; before++) at += x->count[r * x->own + before];
            for (int64_t i = 0; i < x->count[r * x->own + e]; i++)
                x->source[row++] = (int32_t)(at + i);
        }
    }
    x->expert_first[x->own] = row;
}

void exchange_begin(exchange *x, const batch_ranks *ranks, const plan *p, int32_t experts)
{
    x->comm = ranks->comm;
    x->slices = ranks->slices;
    x->experts = experts;
    x->first = (int32_t)exchange_expert(x, x->comm->rank);
    x->own = (int32_t)exchange_expert(x, x->comm->rank + 1) - x->first;
    x->row = p->first[exchange_expert(x, 0)];
    for (int r = 0; r <= x->comm->size; r++)
        x->send_first[r] = p->first[exchange_expert(x, r)] - x->row;
    x->sent = x->send_first[x->comm->size];
    exchange_counts(x, p);
    order_rows(x);
}

void exchange_join(const exchange *x, const plan *p, size_t width, void *rows)
{
    int64_t first[BATCH_RANKS + 1];
    if (!x->slices) return;
    for (int i = 0; i <= x->slices->size; i++)
        first[i] = p->first[share_begin(x->experts, i, x->slices->size)];
    comm_all_gather_v(x->slices, (char *)rows + (size_t)x->row * width, first, width, rows);
}

void exchange_out(const exchange *x, const void *rows, size_t width, void *arrived)
{
    comm_rows all = { .send = rows,
        .send_first = x->send_first,
        .receive = arrived,
        .receive_first = x->receive_first,
        .row = width,
        .tokens = true };
    comm_all_to_all_v(x->comm, &all);
}

void exchange_home(const exchange *x, const void *arrived, size_t width, void *rows)
{
    comm_rows all = { .send = arrived,
        .send_first = x->receive_first,
        .receive = rows,
        .receive_first = x->send_first,
        .row = width,
        .tokens = true };
    comm_all_to_all_v(x->comm, &all);
}
