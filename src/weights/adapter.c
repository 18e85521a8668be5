/* adapter.c - lists the pairs of an adapter, and binds them to the weights of a model. */
#define _GNU_SOURCE /* strsep */
#include "weights/adapter.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

/* ---- targets ---- */

static const struct {
    const char *name;
    unsigned target;
} names[] = { { "q", ADAPT_Q }, { "k", ADAPT_K }, { "v", ADAPT_V }, { "o", ADAPT_O },
    { "gate", ADAPT_GATE }, { "up", ADAPT_UP }, { "gate_up", ADAPT_GATE_UP },
    { "down", ADAPT_DOWN | ADAPT_FUSED_DOWN } };
enum { NAMES = sizeof names / sizeof *names };

static cadre_status refuse_target(const char *found)
{
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--targets: expected a list of q, k, v, o, and gate, up, down or gate_up, down, found '%s'",
        found);
}

static cadre_status parse_names(char *rest, unsigned *targets)
{
    *targets = 0;
    while (rest) {
        const char *item = strsep(&rest, ",");
        int i = 0;
        while (i < NAMES && strcmp(names[i].name, item) != 0) i++;
        if (i == NAMES || *targets & names[i].target) return refuse_target(item);
        *targets |= names[i].target;
    }
    return CADRE_OK;
}

cadre_status adapter_targets_parse(const char *text, unsigned *targets)
{
    char *copy = mem_strdup(text);
    if (!copy) return CADRE_ENOMEM;
    cadre_status status = parse_names(copy, targets);
    mem_free(copy);
    CADRE_TRY(status);
    bool modules = *targets & (ADAPT_GATE | ADAPT_UP);
    if (modules && *targets & ADAPT_GATE_UP) return refuse_target(text);
    *targets &= modules ? ~(unsigned)ADAPT_FUSED_DOWN : ~(unsigned)ADAPT_DOWN;
    return CADRE_OK;
}

void adapter_targets_text(unsigned targets, char text[ADAPTER_TARGETS_TEXT])
{
    *text = '\0';
    for (int i = 0; i < NAMES; i++)
        if (targets & names[i].target) {
            if (*text) strcat(text, ",");
            strcat(text, names[i].name);
        }
}

/* ---- pairs ---- */

/* The parameters that may have pairs, in the order of files, and the target that each belongs to */
static const struct {
    param_role role;
    unsigned module, fused;
} roles[] = {
    { ROLE_Q, ADAPT_Q, 0 },
    { ROLE_K, ADAPT_K, 0 },
    { ROLE_V, ADAPT_V, 0 },
    { ROLE_O, ADAPT_O, 0 },
    { ROLE_GATE, ADAPT_GATE, 0 },
    { ROLE_UP, ADAPT_UP, 0 },
    { ROLE_DOWN, ADAPT_DOWN, 0 },
    { ROLE_SHARED_GATE, ADAPT_GATE, 0 },
    { ROLE_SHARED_UP, ADAPT_UP, 0 },
    { ROLE_SHARED_DOWN, ADAPT_DOWN, 0 },
    { ROLE_EXPERT_GATE, ADAPT_GATE, ADAPT_GATE_UP },
    { ROLE_EXPERT_UP, ADAPT_UP, 0 },
    { ROLE_EXPERT_DOWN, ADAPT_DOWN, ADAPT_FUSED_DOWN },
};
enum { ROLES = sizeof roles / sizeof *roles };

typedef struct listing {
    adapter *a;
    const model_config *config;
    const param_table *model;
    unsigned found; /* targets that the model has */
} listing;

static param row_of(const listing *l, const param *of, int64_t rows, int64_t cols)
{
    return (param){ .role = of->role,
        .kind = PARAM_MATRIX,
        .layer = of->layer,
        .expert = of->expert,
        .rows = rows,
        .cols = cols,
        .index = l->a->table.count,
        .whole = rows };
}

/* Adds a pair to the list, or only counts it while there is no memory yet. */
static void add_pair(listing *l, const param *p, bool fused)
{
    adapter *a = l->a;
    bool both = fused && p->role == ROLE_EXPERT_GATE;
    int64_t rank = a->spec.rank, out = both ? 2 * p->rows : p->rows;
    if (a->pair) {
        a->pair[a->count] = (adapter_pair){ p->role, p->layer, p->expert, fused };
        a->table.rows[a->table.count] = row_of(l, p, rank, p->cols);
        a->table.rows[a->table.count + 1] = row_of(l, p, out, rank);
        a->table.rows[a->table.count + 1].index++;
    }
    a->count++;
    a->table.count += 2;
    a->table.total += rank * (p->cols + out);
}

static void list_pairs(listing *l)
{
    unsigned targets = l->a->spec.targets;
    l->a->count = 0;
    l->a->table = (param_table){ .rows = l->a->table.rows };
    for (int32_t layer = 0; layer < l->config->layers; layer++)
        for (int r = 0; r < ROLES; r++)
            for (int64_t i = 0; i < l->model->count; i++) {
                const param *p = &l->model->rows[i];
                if (p->layer != layer || p->role != roles[r].role) continue;
                unsigned of = targets & (roles[r].module | roles[r].fused);
                l->found |= of;
                if (of) add_pair(l, p, of & roles[r].fused);
            }
}

/* Assigns offsets, those of experts last, as a trainer needs them. */
static void place_rows(param_table *t)
{
    int64_t at = 0;
    for (int experts = 0; experts < 2; experts++)
        for (int64_t i = 0; i < t->count; i++) {
            param *p = &t->rows[i];
            if (param_is_expert(p->role) != (bool)experts) continue;
            p->offset = at;
            at += (p->rows * p->cols + 15) / 16 * 16;
        }
    t->elements = at;
    t->active = t->total;
}

/* ---- which models can have pairs ---- */

static const char *router_words(const moe_config *m)
{
    router_parameter own[ROUTER_OWN_PARAMETERS];
    const router *r = m->router;
    int count = r->parameters ? r->parameters(&m->route, m->width, m->experts, own) : 0;
    for (int i = 0; i < count; i++)
        if (own[i].trained) return "a router with trained parameters of its own";
    return r->project ? "a router with products of its own" : NULL;
}

/* A property of the layer with which pairs cannot be used; NULL: there is none */
static const char *unfit(const layer_config *layer)
{
    const moe_config *m = &layer->moe;
    if (!layer->sparse) return NULL;
    if (m->constants) return "experts that are constants";
    if (m->residual) return "a residual expert";
    if (m->route.omega) return "a factor for each channel";
    if (m->estimator == ESTIMATOR_DENSE) return "--estimator dense";
    if (moe_config_has_bank_widths(m)) return "banks of experts of several widths";
    return router_words(m);
}

static cadre_status check_model(const model_config *c)
{
    const char *found = c->encoder ? "an encoder" : NULL;
    for (int64_t l = 0; l < c->layers && !found; l++) found = unfit(&c->layer[l]);
    if (!found) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "adapters: expected a model that they can be trained beside, found %s", found);
}

/* A gate and an up projection that are one pair are two matrices of one shape. */
static bool is_gated(const model_config *c, const param_table *model)
{
    bool gated = true;
    for (int64_t l = 0; l < c->layers; l++)
        gated &= !c->layer[l].sparse || moe_config_inputs(&c->layer[l].moe) == 2;
    return gated && model->count > 0;
}

static cadre_status check_targets(const listing *l)
{
    unsigned targets = l->a->spec.targets, missing = targets & ~l->found;
    if (targets & ADAPT_GATE_UP && !is_gated(l->config, l->model)) missing |= ADAPT_GATE_UP;
    if (!missing) return CADRE_OK;
    char text[ADAPTER_TARGETS_TEXT];
    adapter_targets_text(missing, text);
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--targets: expected matrices that the model has, found %s, which it has not", text);
}

static cadre_status list_all(listing *l)
{
    adapter *a = l->a;
    list_pairs(l);
    CADRE_TRY(check_targets(l));
    adapter_pair *pair = MEM_ARRAY(adapter_pair, a->count);
    a->table.rows = MEM_ARRAY(param, a->table.count);
    if (!pair || !a->table.rows) {
        mem_free(pair);
        return CADRE_ENOMEM;
    }
    a->pair = pair;
    list_pairs(l);
    place_rows(&a->table);
    return CADRE_OK;
}

cadre_status adapter_make(const model_config *config, const adapter_spec *spec, adapter *out)
{
    adapter a = { .spec = *spec };
    param_table model;
    CADRE_TRY(check_model(config));
    CADRE_TRY(param_table_make(config, &model));
    listing l = { .a = &a, .config = config, .model = &model };
    cadre_status status = list_all(&l);
    param_table_free(&model);
    if (status == CADRE_OK) *out = a;
    else adapter_free(&a);
    return status;
}

void adapter_free(adapter *a)
{
    mem_free(a->pair);
    param_table_free(&a->table);
    *a = (adapter){ 0 };
}

/* ---- values ---- */

void adapter_initialise(const adapter *a, uint64_t seed, real *values)
{
    memset(values, 0, (size_t)a->table.elements * sizeof *values);
    for (int64_t i = 0; i < a->count; i++) {
        const param *p = &a->table.rows[2 * i];
        random_key key = random_key_of(seed, "adapter", (uint64_t)i, 0);
        double most = 1 / sqrt((double)p->cols);
        for (int64_t j = 0; j < p->rows * p->cols; j++)
            values[p->offset + j] = (real)((2 * random_uniform(key, (uint64_t)j) - 1) * most);
    }
}

static low_rank view(const adapter *a, const param *rows, const real *values, real *gradient)
{
    return (low_rank){ .rank = a->spec.rank,
        .in = rows[0].cols,
        .out = rows[1].rows,
        .scale = (real)(a->spec.alpha / (double)a->spec.rank),
        .a = values + rows[0].offset,
        .b = values + rows[1].offset,
        .da = gradient ? gradient + rows[0].offset : NULL,
        .db = gradient ? gradient + rows[1].offset : NULL };
}

void adapter_views(
    const adapter *a, const param_table *table, const real *values, real *gradient, low_rank *pairs)
{
    for (int64_t i = 0; i < a->count; i++)
        pairs[i] = view(a, &table->rows[2 * i], values, gradient);
}

void adapter_bind(const adapter *a, const param_table *table, const real *values, real *gradient,
    low_rank *pairs, const model_config *config, model_weights *w)
{
    adapter_views(a, table, values, gradient, pairs);
    for (int64_t i = 0; i < a->count; i++) {
        const adapter_pair *p = &a->pair[i];
        if (p->expert <= 0) model_weights_pair(w, p->layer, p->role, &pairs[i]);
    }
    model_weights_share_pairs(w, config->layers);
}

int64_t adapter_most_rows(const model_config *c, int64_t tokens, int64_t sequences)
{
    int64_t most = tokens;
    for (int64_t l = 0; l < c->layers; l++) {
        if (!c->layer[l].sparse) continue;
        int64_t rows = moe_config_most_rows(&c->layer[l].moe, tokens, sequences);
        if (rows > most) most = rows;
    }
    return most;
}
