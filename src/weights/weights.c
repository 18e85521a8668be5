/* weights.c - makes views, by layer and role, of a table of parameters. */
#include "weights/weights.h"

#include "base/memory.h"

/* The six roles of experts are tables of pointers, one after another. Table i of layer l, that of
 * expert_roles[i], begins at pointers + pointers_before(l) + i * experts. */
static const param_role expert_roles[] = { ROLE_EXPERT_GATE, ROLE_EXPERT_UP, ROLE_EXPERT_DOWN,
    ROLE_EXPERT_GATE_BIAS, ROLE_EXPERT_UP_BIAS, ROLE_EXPERT_DOWN_BIAS };
enum { EXPERT_ROLES = sizeof expert_roles / sizeof *expert_roles };

static int64_t count_pointers(const model_config *c)
{
    int64_t count = 0;
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) count += EXPERT_ROLES * moe_config_weighted(&c->layer[l].moe);
    return count;
}

static int64_t pointers_before(const model_config *c, int64_t l)
{
    int64_t count = 0;
    for (int64_t i = 0; i < l; i++)
        if (c->layer[i].sparse) count += EXPERT_ROLES * moe_config_weighted(&c->layer[i].moe);
    return count;
}

static int64_t pointer_of(const model_config *c, int64_t l, param_role role)
{
    int64_t table = 0;
    while (table < EXPERT_ROLES - 1 && expert_roles[table] != role) table++;
    return pointers_before(c, l) + table * moe_config_weighted(&c->layer[l].moe);
}

/* ---- weights ---- */

static weight view(const param *p, param_place place)
{
    return (weight){ .format = place.format,
        .rows = p->rows,
        .cols = p->cols,
        .stride = place.stride,
        .data = place.data,
        .block_scales = place.block_scales,
        .interleaved = place.interleaved,
        .slice = place.slice };
}

static weight expert_view(
    int32_t experts, const param *p, param_place place, const void **table, const void **scales)
{
    return (weight){ .format = place.format,
        .rows = p->rows,
        .cols = p->cols,
        .stride = place.stride,
        .interleaved = place.interleaved,
        .experts = experts,
        .expert = table,
        .block_scales = place.block_scales,
        .expert_block_scales = place.block_scales.form ? scales : NULL };
}

/* The index of a layer's bank among the banks of all layers */
static int64_t bank_at(int64_t layer, int32_t bank) { return layer * ROUTER_MAX_TYPES + bank; }

static void bind_expert(const model_config *c, const param *p, param_place place, model_weights *w)
{
    int64_t first = pointer_of(c, p->layer, p->role);
    const void **table = w->pointers + first, **scales = table + count_pointers(c);
    table[p->expert] = place.data;
    scales[p->expert] = place.block_scales.at;
    if (!p->rows) return; /* another rank has it */
    const moe_config *moe = &c->layer[p->layer].moe;
    moe_bank bank = moe_config_bank_of(moe, p->expert);
    for (int32_t e = bank.first; e < p->expert; e++)
        if (table[e]) return; /* an earlier expert on this rank has set the view */
    table += bank.first, scales += bank.first;
    weight v = expert_view(bank.count, p, place, table, scales);
    expert_weights *e = moe_config_has_bank_widths(moe) ? &w->banks[bank_at(p->layer, bank.index)]
                                                        : &w->layer[p->layer].moe.experts;
    switch (p->role) {
    case ROLE_EXPERT_GATE: e->gate = v; break;
    case ROLE_EXPERT_UP: e->up = v; break;
    case ROLE_EXPERT_DOWN: e->down = v; break;
    case ROLE_EXPERT_GATE_BIAS: e->gate_bias = (const real *const *)table; break;
    case ROLE_EXPERT_UP_BIAS: e->up_bias = (const real *const *)table; break;
    default: e->down_bias = (const real *const *)table; break;
    }
}

static size_t stored_bytes(const weight *w)
{
    return w->format ? number_row_bytes(w->format, w->stride * w->rows)
                     : (size_t)(w->stride * w->rows) * sizeof(real);
}

/* Whether `up` begins where `gate` ends, for every expert, so that the two are one matrix [2H,
 * D]. */
static bool are_joined(const weight *gate, const weight *up)
{
    bool joined = up->rows && gate->stride == up->stride && gate->format == up->format &&
                  gate->interleaved == up->interleaved && !gate->block_scales.form,
         any = false;
    for (int e = 0; joined && (e < up->experts || !e); e++) {
        const char *first = weight_matrix(gate, e).data;
        if (first) joined = weight_matrix(up, e).data == first + stored_bytes(gate);
        any |= first != NULL;
    }
    return joined && any; /* a rank has some experts' alone */
}

/* The part that a role plays for a mixer, and for cross attention */
typedef struct mixer_role {
    param_role role;
    mixer_part part;
} mixer_role;

static const mixer_role mixer_roles[] = {
    { ROLE_Q, MIXER_Q },
    { ROLE_K, MIXER_K },
    { ROLE_V, MIXER_V },
    { ROLE_O, MIXER_O },
    { ROLE_Q_BIAS, MIXER_Q_BIAS },
    { ROLE_K_BIAS, MIXER_K_BIAS },
    { ROLE_V_BIAS, MIXER_V_BIAS },
    { ROLE_O_BIAS, MIXER_O_BIAS },
    { ROLE_Q_NORM, MIXER_Q_NORM },
    { ROLE_K_NORM, MIXER_K_NORM },
    { ROLE_SINKS, MIXER_SINKS },
    { ROLE_ATTN_GATE, MIXER_GATE },
    { ROLE_Q_A, MIXER_Q_A },
    { ROLE_Q_A_BIAS, MIXER_Q_A_BIAS },
    { ROLE_Q_A_NORM, MIXER_Q_A_NORM },
    { ROLE_Q_B, MIXER_Q_B },
    { ROLE_KV_A, MIXER_KV_A },
    { ROLE_KV_A_BIAS, MIXER_KV_A_BIAS },
    { ROLE_KV_A_NORM, MIXER_KV_A_NORM },
    { ROLE_KV_B, MIXER_KV_B },
    { ROLE_K_B, MIXER_K_B },
    { ROLE_V_B, MIXER_V_B },
    { ROLE_LSTM_INPUT, MIXER_LSTM_INPUT },
    { ROLE_LSTM_HIDDEN, MIXER_LSTM_HIDDEN },
    { ROLE_LSTM_BIAS, MIXER_LSTM_BIAS },
    { ROLE_CONV_IN, MIXER_CONV_IN },
    { ROLE_CONV, MIXER_CONV },
    { ROLE_CONV_OUT, MIXER_CONV_OUT },
    { ROLE_DELTA_IN, MIXER_DELTA_IN },
    { ROLE_DELTA_GATE_LOW, MIXER_DELTA_GATE_LOW },
    { ROLE_DELTA_GATE, MIXER_DELTA_GATE },
    { ROLE_DELTA_BETA, MIXER_DELTA_BETA },
    { ROLE_DELTA_DECAY_LOW, MIXER_DELTA_DECAY_LOW },
    { ROLE_DELTA_DECAY, MIXER_DELTA_DECAY },
    { ROLE_CONV_Q, MIXER_CONV_Q },
    { ROLE_CONV_K, MIXER_CONV_K },
    { ROLE_CONV_V, MIXER_CONV_V },
    { ROLE_STATE_IN, MIXER_STATE_IN },
    { ROLE_CONV_BIAS, MIXER_CONV_BIAS },
    { ROLE_A_LOG, MIXER_A_LOG },
    { ROLE_DT_BIAS, MIXER_DT_BIAS },
    { ROLE_STATE_D, MIXER_STATE_D },
    { ROLE_STATE_NORM, MIXER_STATE_NORM },
    { ROLE_STATE_OUT, MIXER_STATE_OUT },
};
static const mixer_role cross_roles[] = {
    { ROLE_CROSS_Q, MIXER_Q },
    { ROLE_CROSS_K, MIXER_K },
    { ROLE_CROSS_V, MIXER_V },
    { ROLE_CROSS_O, MIXER_O },
};
enum {
    MIXER_ROLES = sizeof mixer_roles / sizeof *mixer_roles,
    CROSS_ROLES = sizeof cross_roles / sizeof *cross_roles
};

static void bind_mixers(layer_weights *layer)
{
    for (int i = 0; i < MIXER_ROLES; i++)
        layer->mixer.part[mixer_roles[i].part] = layer->role[mixer_roles[i].role];
    for (int i = 0; i < CROSS_ROLES; i++)
        layer->cross.part[cross_roles[i].part] = layer->role[cross_roles[i].role];
}

static void bind_moe(layer_weights *layer)
{
    const weight *role = layer->role;
    moe_weights *m = &layer->moe;
    m->router.matrix = role[ROLE_ROUTER];
    m->router.bias = role[ROLE_ROUTER_BIAS].data;
    m->router.correction = role[ROLE_ROUTER_CORRECTION].data;
    m->router.noise = role[ROLE_ROUTER_NOISE];
    m->router.expert_scale = role[ROLE_ROUTER_EXPERT_SCALE].data;
    for (int i = 0; i < PARAM_ROUTERS_OWN; i++) m->router.own[i] = role[param_routers_own(i)].data;
    m->omega = role[ROLE_ROUTER_OMEGA].data;
    m->shared_gate_proj = role[ROLE_SHARED_GATE];
    m->shared_up = role[ROLE_SHARED_UP];
    m->shared_down = role[ROLE_SHARED_DOWN];
    m->shared_joined = are_joined(&m->shared_gate_proj, &m->shared_up);
    m->shared_expert_gate = role[ROLE_SHARED_EXPERT_GATE];
    m->latent_down = role[ROLE_LATENT_DOWN];
    m->latent_up = role[ROLE_LATENT_UP];
    m->residual_gate = role[ROLE_RESIDUAL_GATE];
    m->residual_up = role[ROLE_RESIDUAL_UP];
    m->residual_down = role[ROLE_RESIDUAL_DOWN];
    m->residual_joined = are_joined(&m->residual_gate, &m->residual_up);
    m->coefficient = role[ROLE_RESIDUAL_COEFFICIENT];
    m->coefficient_bias = role[ROLE_RESIDUAL_COEFFICIENT_BIAS].data;
    m->constant_weight = role[ROLE_CONSTANT_WEIGHT].data;
    m->constant_value = role[ROLE_CONSTANT_VALUE].data;
    m->experts.joined = are_joined(&m->experts.gate, &m->experts.up);
}

static void bind_banks(const moe_config *c, expert_weights *banks, moe_weights *m)
{
    if (!moe_config_has_bank_widths(c)) return;
    for (int32_t i = 0; i < c->route.banks; i++)
        banks[i].joined = are_joined(&banks[i].gate, &banks[i].up);
    m->bank = banks;
}

static void bind(const model_config *c, const param *p, param_place place, model_weights *w)
{
    if (p->role == ROLE_EMBED) w->embed = view(p, place);
    else if (p->role == ROLE_OUT_NORM) w->out_norm = view(p, place);
    else if (p->role == ROLE_HEAD) w->head = view(p, place);
    else if (p->role == ROLE_RELATIVE) w->relative = view(p, place);
    else if (p->role == ROLE_IMAGE_CODES) w->image_codes = view(p, place);
    else if (param_is_expert(p->role)) bind_expert(c, p, place, w);
    else w->layer[p->layer].role[p->role] = view(p, place);
}

cadre_status model_weights_make(const model_config *config, const param_table *table,
    const param_place *place, model_weights *out)
{
    model_weights w = { .layer = MEM_ARRAY(layer_weights, config->layers),
        .pointers = MEM_ARRAY(const void *, 2 * count_pointers(config)),
        .banks = MEM_ARRAY(expert_weights, config->layers * ROUTER_MAX_TYPES) };
    if (!w.layer || !w.pointers || !w.banks) {
        model_weights_free(&w);
        return CADRE_ENOMEM;
    }
    for (int64_t i = 0; i < table->count; i++)
        if (table->rows[i].encoder == config->bidirectional)
            bind(config, &table->rows[i], place[i], &w);
    for (int64_t l = 0; l < config->layers; l++) {
        bind_mixers(&w.layer[l]);
        bind_moe(&w.layer[l]);
        bind_banks(&config->layer[l].moe, &w.banks[bank_at(l, 0)], &w.layer[l].moe);
    }
    if (config->tie) w.head = w.embed;
    *out = w;
    return CADRE_OK;
}

void model_weights_pair(model_weights *w, int64_t l, param_role role, const low_rank *pairs)
{
    layer_weights *layer = &w->layer[l];
    expert_weights *e = &layer->moe.experts;
    switch (role) {
    case ROLE_EXPERT_GATE: e->gate.pairs = pairs; break;
    case ROLE_EXPERT_UP: e->up.pairs = pairs; break;
    case ROLE_EXPERT_DOWN: e->down.pairs = pairs; break;
    default: layer->role[role].pairs = pairs; break;
    }
}

void model_weights_share_pairs(model_weights *w, int64_t layers)
{
    for (int64_t l = 0; l < layers; l++) {
        bind_mixers(&w->layer[l]);
        bind_moe(&w->layer[l]);
    }
}

void model_weights_free(model_weights *w)
{
    mem_free(w->layer);
    mem_free(w->pointers);
    mem_free(w->banks);
    *w = (model_weights){ 0 };
}

cadre_status model_weights_of_slices(const model_config *config, const param_table *table,
    const real *values, const weight_slice *slices, model_weights *w)
{
    param_place *place = MEM_ARRAY(param_place, table->count);
    if (!place) return CADRE_ENOMEM;
    for (int64_t i = 0; i < table->count; i++)
        place[i] = (param_place){ .kind = PLACE_COPIED,
            .data = values + table->rows[i].offset,
            .stride = table->rows[i].cols,
            .slice = slices && slices[i].whole ? &slices[i] : NULL };
    cadre_status status = model_weights_make(config, table, place, w);
    mem_free(place);
    return status;
}

cadre_status model_weights_of_flat(
    const model_config *config, const param_table *table, const real *values, model_weights *w)
{
    return model_weights_of_slices(config, table, values, NULL, w);
}

/* ---- gradients ---- */

/* Whether `up` begins where its gate, a parameter of this role, ends */
static bool is_joined(const param *up, param_role gate)
{
    return up[-1].role == gate && up[-1].offset + up[-1].rows * up[-1].cols == up->offset;
}

static void bind_expert_gradient(
    const model_config *c, const param *p, real *data, model_gradients *g)
{
    int64_t first = pointer_of(c, p->layer, p->role);
    g->pointers[first + p->expert] = data;
    const moe_config *moe = &c->layer[p->layer].moe;
    moe_bank bank = moe_config_bank_of(moe, p->expert);
    real *const *table = g->pointers + first + bank.first;
    moe_gradients *layer = &g->layer[p->layer].moe;
    bool own = moe_config_has_bank_widths(moe);
    expert_gradients *e = own ? &g->banks[bank_at(p->layer, bank.index)] : &layer->experts;
    if (own) layer->bank = &g->banks[bank_at(p->layer, 0)];
    switch (p->role) {
    case ROLE_EXPERT_GATE: e->gate = table; break;
    case ROLE_EXPERT_UP: e->up = table, e->joined = is_joined(p, ROLE_EXPERT_GATE); break;
    case ROLE_EXPERT_DOWN: e->down = table; break;
    case ROLE_EXPERT_GATE_BIAS: e->gate_bias = table; break;
    case ROLE_EXPERT_UP_BIAS: e->up_bias = table; break;
    default: e->down_bias = table; break;
    }
}

static void bind_mixer_gradient(layer_gradients *layer)
{
    for (int i = 0; i < MIXER_ROLES; i++)
        layer->mixer.part[mixer_roles[i].part] = layer->role[mixer_roles[i].role];
    for (int i = 0; i < CROSS_ROLES; i++)
        layer->cross.part[cross_roles[i].part] = layer->role[cross_roles[i].role];
}

static void bind_moe_gradient(layer_gradients *layer)
{
    real *const *role = layer->role;
    moe_gradients *m = &layer->moe;
    m->router = (router_gradients){ .matrix = role[ROLE_ROUTER],
        .bias = role[ROLE_ROUTER_BIAS],
        .noise = role[ROLE_ROUTER_NOISE] };
    for (int i = 0; i < PARAM_ROUTERS_OWN; i++) m->router.own[i] = role[param_routers_own(i)];
    m->omega = role[ROLE_ROUTER_OMEGA];
    m->shared_gate_proj = role[ROLE_SHARED_GATE];
    m->shared_up = role[ROLE_SHARED_UP];
    m->shared_down = role[ROLE_SHARED_DOWN];
    m->shared_expert_gate = role[ROLE_SHARED_EXPERT_GATE];
    m->latent_down = role[ROLE_LATENT_DOWN];
    m->latent_up = role[ROLE_LATENT_UP];
    m->residual_gate = role[ROLE_RESIDUAL_GATE];
    m->residual_up = role[ROLE_RESIDUAL_UP];
    m->residual_down = role[ROLE_RESIDUAL_DOWN];
    m->coefficient = role[ROLE_RESIDUAL_COEFFICIENT];
    m->coefficient_bias = role[ROLE_RESIDUAL_COEFFICIENT_BIAS];
    m->constant_weight = role[ROLE_CONSTANT_WEIGHT];
    m->constant_value = role[ROLE_CONSTANT_VALUE];
}

cadre_status model_gradients_of_flat(
    const model_config *config, const param_table *table, real *values, model_gradients *out)
{
    model_gradients g = { .layer = MEM_ARRAY(layer_gradients, config->layers),
        .pointers = MEM_ARRAY(real *, count_pointers(config)),
        .banks = MEM_ARRAY(expert_gradients, config->layers * ROUTER_MAX_TYPES) };
    if (!g.layer || !g.pointers || !g.banks) {
        model_gradients_free(&g);
        return CADRE_ENOMEM;
    }
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        real *data = values + p->offset;
        if (p->encoder != config->bidirectional) continue;
        if (p->role == ROLE_EMBED) g.embed = data;
        else if (p->role == ROLE_OUT_NORM) g.out_norm = data;
        else if (p->role == ROLE_HEAD) g.head = data;
        else if (p->role == ROLE_RELATIVE) g.relative = data;
        else if (p->role == ROLE_IMAGE_CODES) continue; /* a state */
        else if (param_is_expert(p->role)) bind_expert_gradient(config, p, data, &g);
        else g.layer[p->layer].role[p->role] = data;
        if (p->role == ROLE_SHARED_UP)
            g.layer[p->layer].moe.shared_joined = is_joined(p, ROLE_SHARED_GATE);
        if (p->role == ROLE_RESIDUAL_UP)
            g.layer[p->layer].moe.residual_joined = is_joined(p, ROLE_RESIDUAL_GATE);
    }
    for (int64_t l = 0; l < config->layers; l++) {
        bind_mixer_gradient(&g.layer[l]);
        bind_moe_gradient(&g.layer[l]);
    }
    if (config->tie) g.head = g.embed;
    *out = g;
    return CADRE_OK;
}

void model_gradients_accumulate(
    model_gradients *g, int64_t layers, bool accumulate, const leaf_list *leaves)
{
    g->accumulate = accumulate;
    g->leaves = leaves;
    for (int64_t l = 0; l < layers; l++) {
        layer_gradients *own = &g->layer[l];
        own->accumulate = own->mixer.accumulate = own->cross.accumulate = own->moe.accumulate =
            accumulate;
        own->leaves = own->mixer.leaves = own->cross.leaves = own->moe.router.leaves = leaves;
    }
}

void model_gradients_free(model_gradients *g)
{
    mem_free(g->layer);
    mem_free(g->pointers);
    mem_free(g->banks);
    *g = (model_gradients){ 0 };
}
