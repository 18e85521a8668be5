/* plan_message.c - a head of numbers, then the arrays, each padded to a multiple of 8 bytes. */
#include "infer/plan_message.h"

#include <string.h>

typedef struct plan_head {
    int64_t layer, tokens, experts, edges, rows, capacity, dropped, rerouted;
} plan_head;

static size_t padded(size_t bytes) { return (bytes + 7) / 8 * 8; }

static void put(byte_buffer *b, const void *data, size_t bytes)
{
    byte_buffer_put(b, data, bytes);
    byte_buffer_fill(b, 0, padded(bytes) - bytes);
}

void plan_message_put(byte_buffer *b, int64_t layer, const plan *p)
{
    size_t edges = (size_t)p->edges, experts = (size_t)p->experts;
    const plan_head head = { layer, p->tokens, p->experts, p->edges, p->rows, p->capacity,
        p->dropped, p->rerouted };
    put(b, &head, sizeof head);
    put(b, p->token_start, (size_t)(p->tokens + 1) * sizeof *p->token_start);
    put(b, p->load, experts * sizeof *p->load);
    put(b, p->kept, experts * sizeof *p->kept);
    put(b, p->first, (experts + 1) * sizeof *p->first);
    put(b, p->edge_expert, edges * sizeof *p->edge_expert);
    put(b, p->edge_row, edges * sizeof *p->edge_row);
    put(b, p->edge_weight, edges * sizeof *p->edge_weight);
}

/* The next array, in its place; NULL: the message ends before it does. */
static void *take(const byte_buffer *b, size_t *at, int64_t count, size_t size)
{
    char *data = b->data + *at;
    if (count < 0 || (size_t)count > (b->size - *at) / size ||
        padded((size_t)count * size) > b->size - *at)
        return NULL;
    *at += padded((size_t)count * size);
    return data;
}

static bool take_plan(const byte_buffer *b, size_t *at, int64_t *layer, plan *p)
{
    const plan_head *head = take(b, at, 1, sizeof *head);
    if (!head) return false;
    *layer = head->layer;
    *p = (plan){ .tokens = head->tokens,
        .experts = (int32_t)head->experts,
        .edges = head->edges,
        .rows = head->rows,
        .capacity = head->capacity,
        .dropped = head->dropped,
        .rerouted = head->rerouted };
    p->token_start = take(b, at, p->tokens + 1, sizeof *p->token_start);
    p->load = take(b, at, p->experts, sizeof *p->load);
    p->kept = take(b, at, p->experts, sizeof *p->kept);
    p->first = take(b, at, p->experts + 1, sizeof *p->first);
    p->edge_expert = take(b, at, p->edges, sizeof *p->edge_expert);
    p->edge_row = take(b, at, p->edges, sizeof *p->edge_row);
    p->edge_weight = take(b, at, p->edges, sizeof *p->edge_weight);
    return p->token_start && p->load && p->kept && p->first && p->edge_expert && p->edge_row &&
           p->edge_weight;
}

cadre_status plan_message_watch(
    const byte_buffer *b, const model_config *config, transformer_watch watch, void *arg)
{
    size_t at = 0;
    while (at < b->size) {
        int64_t layer;
        plan p;
        if (!take_plan(b, &at, &layer, &p) || layer < 0 || layer >= config->layers)
            return cadre_fail(CADRE_EFORMAT, NULL,
                "plans of another rank: expected whole plans of layers, found something else");
        watch(arg, layer, &p);
    }
    return CADRE_OK;
}
