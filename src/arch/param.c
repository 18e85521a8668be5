/* param.c - makes the table of a configuration's parameters: THE LIST is walked for a model, its
 * layers and their experts. */
#include "arch/param.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/share.h"

enum { OFFSET_UNIT = 16 }; /* elements: a cache line of floats */

typedef struct builder {
    const model_config *config; /* of the stack */
    bool whole;                 /* also the encoder's */
    bool embedded;              /* the embedding is in the table */
    param_share share;
    param_table *table;
    bool overflow;
    int64_t index;          /* of the next row, in the whole model's table */
    const param_row *uncut; /* a parameter with fewer pieces than there are slices */
} builder;

static bool is_of_stage(const builder *b, param_role role, int64_t layer)
{
    const param_share *s = &b->share;
    if (!s->stages) return true;
    if (layer >= 0)
        return share_owner(b->config->layers, layer, s->stages * s->chunks) % s->stages == s->stage;
    bool last = s->stage + 1 == s->stages;
    if (role == ROLE_OUT_NORM || role == ROLE_HEAD) return last;
    return s->stage == 0 || (role == ROLE_EMBED && last && b->config->tie);
}

bool param_share_has_expert(
    const model_config *config, const param_share *share, int64_t layer, int64_t expert)
{
    int64_t experts = moe_config_weighted(&config->layer[layer].moe);
    return share_owner(experts, expert, share->groups) == share->group;
}

static bool is_held(const builder *b, param_role role, int64_t layer, int64_t expert)
{
    if (!is_of_stage(b, role, layer)) return false;
    return expert < 0 || param_share_has_expert(b->config, &b->share, layer, expert);
}

static router_parameter own_of(const builder *b, param_role role, int64_t layer)
{
    router_parameter own[ROUTER_OWN_PARAMETERS] = { 0 };
    if (!param_is_routers_own(role)) return own[0];
    const moe_config *m = &b->config->layer[layer].moe;
    router_parameters(m->router, &m->route, m->width, m->experts, own);
    return own[param_routers_own_index(role)];
}

/* The router says which of its own parameters are trained and which are states. */
static param_kind kind_of(const builder *b, param_role role, int64_t layer)
{
    if (!param_is_routers_own(role)) return param_row_of(role)->kind;
    return own_of(b, role, layer).trained ? PARAM_BIAS : PARAM_STATE;
}

static param_start start_of(const builder *b, param_role role, int64_t layer)
{
    router_parameter own = own_of(b, role, layer);
    int32_t experts = layer < 0 ? 0 : b->config->layer[layer].moe.experts;
    return (param_start){ own.start, own.value, (int32_t)own.cols, experts };
}

int64_t param_pieces(
    const param_row *row, const model_config *c, const layer_config *l, param_shape shape)
{
    if (row->cut == WHOLE) return 1;
    if (row->cut == BY_HEAD && l->mixer.key_heads) return 1; /* a delta rule is not cut */
    if (row->cut == BY_HEAD) return l->mixer.kv_heads ? l->mixer.kv_heads : c->kv_heads;
    return param_kind_is_vector(row->kind) ? shape.cols : shape.rows;
}

/* Layers of a delta rule are whole on every rank, which computes them. */
static bool is_of_delta(const builder *b, param_role role, int64_t layer)
{
    bool mixes = param_row_of(role)->cut == BY_HEAD || role == ROLE_O;
    return mixes && layer >= 0 && b->config->layer[layer].mixer.key_heads;
}

/* This rank's slice of a parameter with this shape */
static param slice_of(builder *b, param_role role, int64_t layer, int64_t expert, param_shape s)
{
    const param_row *row = param_row_of(role);
    const param_share *share = &b->share;
    bool vector = param_kind_is_vector(row->kind);
    int64_t whole = vector ? s.cols : s.rows,
            pieces = param_pieces(row, b->config, layer < 0 ? NULL : &b->config->layer[layer], s);
    bool cut = row->cut != WHOLE && share->slices > 1 && !(share->whole_experts && expert >= 0) &&
               !is_of_delta(b, role, layer);
    if (cut && (pieces < share->slices || whole % pieces)) b->uncut = row;
    if (!cut || b->uncut) pieces = 1;
    int64_t piece = whole / pieces,
            first = cut ? share_begin(pieces, share->slice, share->slices) : 0,
            end = cut ? share_begin(pieces, share->slice + 1, share->slices) : pieces;
    return (param){ .role = role,
        .kind = kind_of(b, role, layer),
        .layer = (int32_t)layer,
        .expert = (int32_t)expert,
        .encoder = b->config->bidirectional,
        .start = start_of(b, role, layer),
        .rows = vector ? 1 : (end - first) * piece,
        .cols = vector ? (end - first) * piece : s.cols,
        .offset = b->table->elements,
        .index = b->index,
        .first = first * piece,
        .whole = whole };
}

static void hold(builder *b, const param *p)
{
    param_table *t = b->table;
    int64_t padded = p->rows * p->cols + OFFSET_UNIT - 1;
    padded -= padded % OFFSET_UNIT;
    if (t->rows) t->rows[t->count] = *p;
    t->count++;
    b->overflow |= __builtin_add_overflow(t->elements, padded, &t->elements);
}

static void add_one(builder *b, param_role role, int64_t layer, int64_t expert, param_shape s)
{
    param_table *t = b->table;
    int64_t size, padded;
    if (__builtin_mul_overflow(s.rows, s.cols, &size) ||
        __builtin_add_overflow(size, OFFSET_UNIT - 1, &padded)) {
        b->overflow = true;
        return;
    }
    if (is_held(b, role, layer, expert)) {
        param p = slice_of(b, role, layer, expert, s);
        hold(b, &p);
    }
    b->index++;
    if (kind_of(b, role, layer) == PARAM_STATE) return;
    t->total += size;
    bool lookup = role == ROLE_EMBED && !b->config->tie;
    bool idle = expert >= 0 && expert >= moe_config_usual_picks(&b->config->layer[layer].moe);
    t->active += lookup ? s.cols : idle ? 0 : size;
}

param_shape param_shape_of(const model_config *c, const param_row *row, int64_t l, int64_t expert)
{
    const layer_config *layer = row->scope == OF_MODEL ? NULL : &c->layer[l];
    if (expert < 0 || !moe_config_has_bank_widths(&layer->moe)) return row->shape(c, layer);
    layer_config own = *layer;
    int32_t bank = moe_config_bank_of(&layer->moe, (int32_t)expert).index;
    own.moe.hidden = moe_config_bank_hidden(&layer->moe, bank);
    return row->shape(c, &own);
}

/* Adds all parameters of one scope: of the model, of layer l, or of one of its experts. */
static void add_scope(builder *b, param_scope scope, int64_t l, int64_t expert)
{
    for (param_role role = 0; role < ROLE_COUNT; role++) {
        const param_row *row = param_row_of(role);
        param_shape s =
            row->scope == scope ? param_shape_of(b->config, row, l, expert) : (param_shape){ 0 };
        if (s.rows && !(role == ROLE_EMBED && b->embedded)) add_one(b, role, l, expert, s);
    }
}

/* Experts come one after another, each with its matrices, so that one expert's weights are
 * neighbours. */
static void walk_stack(builder *b)
{
    add_scope(b, OF_MODEL, -1, -1);
    for (int64_t l = 0; l < b->config->layers; l++) {
        const layer_config *layer = &b->config->layer[l];
        add_scope(b, OF_LAYER, l, -1);
        for (int64_t e = 0; layer->sparse && e < moe_config_weighted(&layer->moe); e++)
            add_scope(b, OF_EXPERT, l, e);
    }
}

static void walk(builder *b)
{
    const model_config *model = b->config;
    param *rows = b->table->rows;
    *b->table = (param_table){ .rows = rows };
    b->index = 0;
    walk_stack(b);
    if (!b->whole || !model->encoder) return;
    b->config = model->encoder;
    b->embedded = model->tie;
    walk_stack(b);
    b->config = model;
    b->embedded = false;
}

static cadre_status refuse_slices(const builder *b)
{
    const char *name = b->uncut->folder[0].pattern;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "the model cannot be cut into %d slices: there are not so many %s in %s", b->share.slices,
        b->uncut->cut == BY_HEAD ? "key-value heads" : "rows", name ? name : "a parameter");
}

static cadre_status make(
    const model_config *config, const param_share *share, bool whole, param_table *table)
{
    param_table made = { 0 };
    builder b = { .config = config, .whole = whole, .share = *share, .table = &made };
    walk(&b); /* count */
    if (b.overflow)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "these sizes make more parameters than 64 bits can count");
    if (b.uncut) return refuse_slices(&b);
    made.rows = MEM_ARRAY(param, made.count);
    if (!made.rows) return CADRE_ENOMEM;
    walk(&b); /* fill */
    *table = made;
    return CADRE_OK;
}

cadre_status param_table_make_share(
    const model_config *config, const param_share *share, param_table *table)
{
    return make(config, share, false, table);
}

cadre_status param_table_make(const model_config *config, param_table *table)
{
    return make(config, &(param_share){ .slices = 1, .groups = 1 }, false, table);
}

cadre_status param_table_make_whole(const model_config *config, param_table *table)
{
    return make(config, &(param_share){ .slices = 1, .groups = 1 }, true, table);
}

int64_t param_slice_begin(const model_config *config, const param *p, int32_t i, int32_t slices)
{
    const layer_config *l = p->layer < 0 ? NULL : &config->layer[p->layer];
    bool by_head = param_row_of(p->role)->cut == BY_HEAD;
    int64_t pieces = !by_head                ? p->whole
                     : l->mixer.key_heads    ? 1
                     : l->mixer.kv_heads > 0 ? l->mixer.kv_heads
                                             : config->kv_heads;
    return share_begin(pieces, i, slices) * (p->whole / pieces);
}

const model_config *param_stack(const model_config *config, const param *p)
{
    return p->encoder && config->encoder ? config->encoder : config;
}

cadre_status param_table_copy(const param_table *from, param_table *table)
{
    param *rows = MEM_ARRAY(param, from->count);
    if (!rows) return CADRE_ENOMEM;
    *table = *from;
    table->rows = rows;
    for (int64_t i = 0; i < from->count; i++) rows[i] = from->rows[i];
    return CADRE_OK;
}

void param_table_free(param_table *table)
{
    mem_free(table->rows);
    *table = (param_table){ 0 };
}
