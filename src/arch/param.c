/* param.c - which parameters a configuration has: THE LIST walked for a model, its layers and their
 * experts. */
#include "arch/param.h"

#include "base/checked.h"
#include "base/memory.h"

enum { OFFSET_UNIT = 16 }; /* elements: a cache line of floats */

typedef struct builder {
    const model_config *config;
    param_table *table;
    bool overflow;
} builder;

static void add_one(builder *b, param_role role, int64_t layer, int64_t expert, param_shape s)
{
    param_table *t = b->table;
    param_kind kind = param_row_of(role)->kind;
    int64_t size, padded;
    if (__builtin_mul_overflow(s.rows, s.cols, &size) ||
        __builtin_add_overflow(size, OFFSET_UNIT - 1, &padded)) {
        b->overflow = true;
        return;
    }
    padded -= padded % OFFSET_UNIT;
    if (t->rows)
        t->rows[t->count] =
            (param){ role, kind, (int32_t)layer, (int32_t)expert, s.rows, s.cols, t->elements };
    t->count++;
    b->overflow |= __builtin_add_overflow(t->elements, padded, &t->elements);
    if (kind == PARAM_STATE) return;
    t->total += size;
    bool lookup = role == ROLE_EMBED && !b->config->tie;
    bool idle = expert >= 0 && expert >= b->config->layer[layer].topk;
    t->active += lookup ? s.cols : idle ? 0 : size;
}

/* All parameters of one scope: of the model, of layer l, or of one of its experts. */
static void add_scope(builder *b, param_scope scope, int64_t l, int64_t expert)
{
    const layer_config *layer = scope == OF_MODEL ? NULL : &b->config->layer[l];
    for (param_role role = 0; role < ROLE_COUNT; role++) {
        const param_row *row = param_row_of(role);
        param_shape s = row->scope == scope ? row->shape(b->config, layer) : (param_shape){ 0 };
        if (s.rows) add_one(b, role, l, expert, s);
    }
}

/* Experts one after another, each with its matrices: one expert's weights are neighbours. */
static void walk(builder *b)
{
    param *rows = b->table->rows;
    *b->table = (param_table){ .rows = rows };
    add_scope(b, OF_MODEL, -1, -1);
    for (int64_t l = 0; l < b->config->layers; l++) {
        const layer_config *layer = &b->config->layer[l];
        add_scope(b, OF_LAYER, l, -1);
        for (int64_t e = 0; layer->sparse && e < layer->experts; e++) add_scope(b, OF_EXPERT, l, e);
    }
}

cadre_status param_table_make(const model_config *config, param_table *table)
{
    param_table made = { 0 };
    builder b = { config, &made, false };
    walk(&b); /* count */
    if (b.overflow)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "these sizes make more parameters than 64 bits can count");
    made.rows = MEM_ARRAY(param, made.count);
    if (!made.rows) return CADRE_ENOMEM;
    walk(&b); /* fill */
    *table = made;
    return CADRE_OK;
}

void param_table_free(param_table *table)
{
    mem_free(table->rows);
    *table = (param_table){ 0 };
}
