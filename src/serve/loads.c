/* loads.c - loads as differences between counters now and counters of a minute ago. */
#include "serve/loads.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

static cadre_status open_count(loads_count *c, int64_t layers, int64_t experts)
{
    c->rows = MEM_ARRAY(int64_t, layers * experts);
    c->largest = MEM_ARRAY(int64_t, layers);
    return c->rows && c->largest ? CADRE_OK : CADRE_ENOMEM;
}

static void close_count(loads_count *c)
{
    mem_free(c->rows);
    mem_free(c->largest);
}

static cadre_status open_all(loads *l)
{
    for (int i = 0; i < LOADS_KEPT; i++) CADRE_TRY(open_count(&l->kept[i], l->layers, l->experts));
    CADRE_TRY(open_count(&l->now, l->layers, l->experts));
    CADRE_TRY(open_count(&l->shown, l->layers, l->experts));
    l->layer = MEM_ARRAY(int64_t, l->layers);
    l->layer_experts = MEM_ARRAY(int64_t, l->layers);
    l->recent = MEM_ARRAY(int64_t, l->layers * l->experts);
    l->fresh = MEM_ARRAY(int64_t, l->layers * l->experts);
    l->max_ratio = MEM_ARRAY(double, l->layers);
    l->dead = MEM_ARRAY(int64_t, l->layers);
    bool all = l->layer && l->layer_experts && l->recent && l->fresh && l->max_ratio && l->dead;
    return all ? CADRE_OK : CADRE_ENOMEM;
}

static void list_layers(const model_config *c, int64_t *layer)
{
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) *layer++ = l;
}

cadre_status loads_open(cadre_batcher *batcher, const model_config *config, loads *l)
{
    cadre_batcher_load load = { .size = sizeof load };
    *l = (loads){ .batcher = batcher };
    CADRE_TRY(cadre_batcher_load_get(batcher, &load));
    l->layers = load.layers, l->experts = load.experts;
    cadre_status status = open_all(l);
    if (status != CADRE_OK) {
        loads_close(l);
        return status;
    }
    list_layers(config, l->layer);
    memcpy(l->layer_experts, load.layer_experts, (size_t)l->layers * sizeof *l->layer_experts);
    return CADRE_OK;
}

void loads_close(loads *l)
{
    for (int i = 0; i < LOADS_KEPT; i++) close_count(&l->kept[i]);
    close_count(&l->now);
    close_count(&l->shown);
    mem_free(l->layer);
    mem_free(l->layer_experts);
    mem_free(l->recent);
    mem_free(l->fresh);
    mem_free(l->max_ratio);
    mem_free(l->dead);
    *l = (loads){ 0 };
}

static void copy(const loads *l, const loads_count *from, loads_count *to)
{
    memcpy(to->rows, from->rows, (size_t)(l->layers * l->experts) * sizeof *to->rows);
    memcpy(to->largest, from->largest, (size_t)l->layers * sizeof *to->largest);
}

/* Computes a layer's loads of the last minute, its dead experts, and its max_ratio: E * sum over
 * passes of the busiest expert's rows / sum over passes of all rows. It is 1 if all experts have
 * the same load in every pass. */
static void update_layer(loads *l, int64_t s, const loads_count *before)
{
    int64_t sum = 0, dead = 0, experts = l->layer_experts[s];
    for (int64_t e = 0; e < experts; e++) {
        int64_t i = s * l->experts + e;
        l->recent[i] = l->now.rows[i] - before->rows[i];
        sum += l->recent[i];
        dead += !l->recent[i];
    }
    int64_t largest = l->now.largest[s] - before->largest[s];
    l->max_ratio[s] = sum ? (double)largest * (double)experts / (double)sum : 0;
    l->dead[s] = sum ? dead : 0;
}

void loads_update(loads *l, double now)
{
    cadre_batcher_load load = { .size = sizeof load };
    if (!l->layers || cadre_batcher_load_get(l->batcher, &load) != CADRE_OK) return;
    l->passes = load.passes;
    memcpy(l->now.rows, load.rows, (size_t)(l->layers * l->experts) * sizeof *load.rows);
    memcpy(l->now.largest, load.largest, (size_t)l->layers * sizeof *load.largest);
    for (int64_t s = 0; s < l->layers; s++) update_layer(l, s, &l->kept[l->at]);
    if (now < l->next) return;
    l->next = now + LOADS_SECONDS;
    copy(l, &l->now, &l->kept[l->at]);
    l->at = (l->at + 1) % LOADS_KEPT;
}

void loads_since_shown(loads *l)
{
    for (int64_t i = 0; i < l->layers * l->experts; i++)
        l->fresh[i] = l->now.rows[i] - l->shown.rows[i];
    copy(l, &l->now, &l->shown);
}
