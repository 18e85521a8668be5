/* config.c - completes and copies a model's configuration. */
#include "arch/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_bound.h"
#include "base/memory.h"

void model_config_free(model_config *config)
{
    if (config->encoder) model_config_free(config->encoder);
    mem_free(config->encoder);
    mem_free(config->layer);
    mem_free(config->rope_divisors);
    *config = (model_config){ 0 };
}

/* Copies what still points into `from` after all fields were copied. */
static cadre_status copy_owned(const model_config *from, model_config *copy)
{
    copy->encoder = NULL;
    copy->rope_divisors = NULL;
    if (from->rope_divisors) {
        copy->rope.divisor = copy->rope_divisors = MEM_ARRAY(double, from->rope.divisors);
        if (!copy->rope_divisors) return CADRE_ENOMEM;
        memcpy(copy->rope_divisors, from->rope_divisors,
            (size_t)from->rope.divisors * sizeof *copy->rope_divisors);
    }
    if (!from->encoder) return CADRE_OK;
    if (!(copy->encoder = MEM_ARRAY(model_config, 1))) return CADRE_ENOMEM;
    return model_config_copy(from->encoder, copy->encoder);
}

cadre_status model_config_copy(const model_config *from, model_config *to)
{
    model_config copy = *from;
    copy.layer = MEM_ARRAY(layer_config, from->layers);
    if (!copy.layer) return CADRE_ENOMEM;
    memcpy(copy.layer, from->layer, (size_t)from->layers * sizeof *copy.layer);
    cadre_status status = copy_owned(from, &copy);
    if (status == CADRE_OK) *to = copy;
    else model_config_free(&copy);
    return status;
}

/* Names and inputs are the same in every CPU variant. */
static const row_activation *activation_of(const char *form)
{
    int count;
    return row_activation_by_name(variant_list(&count)[0]->rows, form);
}

static cadre_status find_form(const char *form, const char *where, const char **name)
{
    const row_activation *activation = activation_of(form);
    if (!activation)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "expert_form: expected the name of an activation, found \"%s\"", form);
    *name = activation->name;
    return CADRE_OK;
}

cadre_status model_config_set_form(model_config *config, const char *form, const char *where)
{
    return find_form(form, where, &config->expert_form);
}

cadre_status model_config_set_layer_form(
    model_config *config, int64_t l, const char *form, const char *where)
{
    const char *name = NULL;
    CADRE_TRY(find_form(form, where, &name));
    config->layer[l].form = name == config->expert_form ? NULL : name;
    return CADRE_OK;
}

cadre_status model_config_set_layer_router(
    model_config *config, int64_t l, const char *name, const char *where)
{
    const router *row = router_by_name(name);
    if (!row)
        return cadre_fail(
            CADRE_EUNSUPPORTED, where, "router: expected the name of a router, found \"%s\"", name);
    config->layer[l].router = row == config->router ? NULL : row;
    return CADRE_OK;
}

const char *layer_form_name(const model_config *config, const layer_config *layer)
{
    return layer->form ? layer->form : config->expert_form;
}

int model_config_inputs(const model_config *config, const layer_config *layer)
{
    return activation_of(layer_form_name(config, layer))->inputs;
}

static double attention_scale(const model_config *c, const mixer_config *m)
{
    if (c->attention_scale > 0) return c->attention_scale;
    double scale = 1 / sqrt((double)m->head_dim);
    bool scaled = c->latent && c->rope.scaling == ROPE_YARN && c->rope.mscale_all_dim > 0;
    double magnitude = scaled ? rope_magnitude(c->rope.factor, c->rope.mscale_all_dim) : 1;
    return scale * magnitude * magnitude;
}

static bool is_recurrent(const mixer *row) { return !row->rewinds; }

/* Whether it is attention, whose sizes are the model's */
static bool is_attention(const mixer *row) { return !is_recurrent(row) && row != &mixer_none; }

static void fill_mixer(const model_config *c, mixer_config *m)
{
    m->norm_eps = c->norm_eps;
    m->tiled_heads = c->tiled_heads;
    if (!is_attention(m->row)) return;
    m->bidirectional = c->bidirectional;
    m->unplaced = c->unplaced || (c->window_places && !m->window);
    m->scale = attention_scale(c, m);
    m->softcap = c->attention_softcap;
    m->qk_norm = c->qk_norm;
    m->clip = c->qkv_clip;
    m->values = c->full_keys_are_values && !m->window ? VALUES_OF_KEYS : c->values;
    m->gating = c->gating;
    m->gate_softplus = c->gate_softplus;
    m->paired_rows = c->paired_rows;
    m->latent_norm_eps = c->latent_norm_eps;
    m->split_kv_b = c->split_kv_b;
}

/* What a layer's own router takes of the model's: groups if it can, and what no router chooses. */
static void take_common_route(const model_config *c, const router *row, router_options *o)
{
    if (c->own_route) {
        o->residual = c->route.residual;
        o->drop_last = c->route.drop_last;
        o->banks = c->route.banks;
        memcpy(o->bank_experts, c->route.bank_experts, sizeof o->bank_experts);
    }
    if (c->groups > 1 && router_understands(row, "groups")) {
        o->groups = (int32_t)c->groups;
        o->groups_used = (int32_t)c->groups_used;
    }
    o->scale = (real)c->route_scale;
}

void model_config_route(const model_config *c, const router *row, router_options *o)
{
    if (row != c->router) {
        take_common_route(c, row, o);
        return;
    }
    if (c->own_route) {
        int32_t topk = o->topk;
        *o = c->route;
        o->topk = topk;
        o->groups = o->groups_used = 1;
    }
    if (c->groups > 1) {
        o->groups = (int32_t)c->groups;
        o->groups_used = (int32_t)c->groups_used;
    }
    o->scale = (real)c->route_scale;
}

static void fill_route(const model_config *c, const layer_config *layer, router_options *o)
{
    int32_t topk = o->topk;
    model_config_route(c, layer->moe.router, o);
    if (layer->own_route) *o = layer->route;
    o->topk = topk;
}

static void fill_capacity(const model_config *c, const layer_config *layer, moe_config *moe)
{
    double factor = layer->capacity_factor;
    const dispatch_options *usual = layer->own_capacity ? &layer->capacity : &c->capacity;
    if (usual->in_eval && (usual->slots > 0 || usual->factor > 0)) moe->dispatch = *usual;
    if (factor > 0 && moe->dispatch.in_eval) moe->dispatch.factor = (real)factor;
    if (layer->capacity_slots && moe->dispatch.in_eval) moe->dispatch.slots = layer->capacity_slots;
    if (factor > 0 && moe->router->traits & ROUTER_OWN_CAPACITY) moe->route.capacity = (real)factor;
}

/* Once a bank has a width of its own, every bank's is told. */
static void fill_bank_widths(const model_config *c, moe_config *moe)
{
    bool any = false;
    for (int32_t i = 0; i < moe->route.banks; i++) any |= c->bank_width[i] > 0;
    for (int32_t i = 0; any && i < moe->route.banks; i++)
        moe->bank_hidden[i] = c->bank_width[i] ? c->bank_width[i] : moe->hidden;
}

void model_config_fit_full(model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++) {
        mixer_config *m = &c->layer[l].mixer;
        if (m->window || m->row != &mixer_grouped) continue;
        if (c->full_head_dim) m->head_dim = m->value_dim = c->full_head_dim;
        if (c->full_kv_heads) m->kv_heads = c->full_kv_heads;
    }
}

static void fill_moe(const model_config *c, layer_config *layer)
{
    moe_config *moe = &layer->moe;
    if (!c->router) return; /* not known yet */
    const moe_config own = *moe;
    const router *row = layer->router ? layer->router : c->router;
    moe_config_init(moe, row, c->width, own.hidden, own.experts, own.route.topk);
    fill_route(c, layer, &moe->route);
    moe->route.vocabulary = (int32_t)c->vocab;
    moe->types = c->types;
    moe->form = layer_form_name(c, layer);
    moe->shared = own.shared;
    moe->shared_gated = own.shared && c->shared_gated;
    moe->latent = own.latent;
    moe->residual = own.residual;
    moe->constants = own.constants, moe->copies = own.copies, moe->zeros = own.zeros;
    if (c->input_scale > 0) moe->input_scale = (real)c->input_scale;
    if (layer->input_scale > 0) moe->input_scale = (real)layer->input_scale;
    moe->router_bias = c->router_bias;
    moe->expert_bias = c->expert_bias;
    moe->limit = (real)c->expert_limit;
    moe->route.drop_last &= own.zeros > 0;
    fill_capacity(c, layer, moe);
    fill_bank_widths(c, moe);
}

void model_config_fill_layers(model_config *c)
{
    bool first = true;
    for (int64_t l = 0; l < c->layers; l++) {
        moe_config *moe = &c->layer[l].moe;
        fill_moe(c, &c->layer[l]);
        if (first) moe->route.residual = false; /* no sparse layer comes before it */
        first &= !c->layer[l].sparse;
        fill_mixer(c, &c->layer[l].mixer);
        if (c->layer[l].cross.row) fill_mixer(c, &c->layer[l].cross);
    }
}

static mixer_config mixer_of(const model_config *c)
{
    return (mixer_config){ .row = c->latent ? &mixer_latent : &mixer_grouped,
        .width = c->width,
        .heads = c->heads,
        .kv_heads = c->kv_heads,
        .head_dim = c->head_dim,
        .value_dim = c->value_dim,
        .window = c->window,
        .q_lora = c->q_lora,
        .kv_lora = c->kv_lora,
        .nope_dim = c->nope_dim,
        .rope_dim = c->rope_dim };
}

const char *layer_mixer_name(const layer_config *layer)
{
    const mixer *row = layer->mixer.row;
    return is_attention(row) ? "attention" : row->name;
}

/* The i-th row that is not attention; NULL: there are no more. */
static const mixer *other_mixer(int i)
{
    int count;
    const mixer *const *list = mixer_list(&count);
    for (int at = 0; at < count; at++)
        if (!is_attention(list[at]) && i-- == 0) return list[at];
    return NULL;
}

const char *layer_mixer_choice(int i)
{
    const mixer *row = i > 0 ? other_mixer(i - 1) : NULL;
    return i == 0 ? "attention" : row ? row->name : NULL;
}

static cadre_status refuse_mixer(int64_t l, const char *name, const char *where)
{
    char names[256] = "";
    size_t used = 0;
    const char *word;
    for (int i = 0; (word = layer_mixer_choice(i)) && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", word);
    return cadre_fail(CADRE_EARGUMENT, where,
        "mixer: expected one of %s for layer %lld, found \"%s\"", names, (long long)l, name);
}

/* Tokens that the convolutions of LFM2 and Mamba-2 read, and the most that the states of Mamba-2
 * have by the published sizes */
enum { USUAL_CONV = 3, USUAL_STATE_CONV = 4, USUAL_STATE_HEAD = 64, USUAL_STATE = 128 };

static int64_t or_usual(int64_t given, int64_t usual) { return given ? given : usual; }

void model_config_usual_state(model_config *c)
{
    if (!c->state_heads) c->conv_bias = true;
    int64_t inner = 2 * c->width, dim = c->state_heads ? inner / c->state_heads : USUAL_STATE_HEAD;
    c->state_head_dim = or_usual(c->state_head_dim, inner % dim ? inner : dim);
    c->state_heads = or_usual(c->state_heads, inner / c->state_head_dim);
    c->state_dim = or_usual(c->state_dim, c->width < USUAL_STATE ? c->width : USUAL_STATE);
    c->state_groups = or_usual(c->state_groups, 1);
}

static bool has_delta(const mixer *row) { return row == &mixer_gated_delta || row == &mixer_kda; }

static mixer_config delta_with(const model_config *c, const mixer *row)
{
    mixer_config m = { .row = row, .width = c->width, .norm_eps = c->norm_eps };
    m.heads = or_usual(c->delta_heads, c->heads);
    m.key_heads = row == &mixer_kda ? m.heads : or_usual(c->delta_key_heads, m.heads);
    m.head_dim = or_usual(c->delta_key_dim, c->width / c->heads);
    m.value_dim = or_usual(c->delta_value_dim, m.head_dim);
    m.conv = or_usual(c->conv, USUAL_STATE_CONV);
    m.tiled_heads = c->tiled_heads;
    if (row != &mixer_kda) return m;
    m.decay_bound = c->decay_bound;
    m.low_rank = c->direct_decay ? 0 : m.head_dim;
    return m;
}

static mixer_config mixer_with(const model_config *c, const mixer *row)
{
    mixer_config m = { .row = row, .width = c->width, .norm_eps = c->norm_eps };
    if (has_delta(row)) return delta_with(c, row);
    if (row == &mixer_short_conv) m.conv = or_usual(c->conv, USUAL_CONV);
    if (row != &mixer_mamba2) return m;
    m.conv = or_usual(c->conv, USUAL_STATE_CONV);
    m.state_heads = c->state_heads;
    m.state_head_dim = c->state_head_dim;
    m.state_dim = c->state_dim;
    m.state_groups = c->state_groups;
    return m;
}

cadre_status model_config_set_mixer(model_config *c, int64_t l, const char *name, const char *where)
{
    const mixer *row;
    if (!strcmp(name, "attention")) return CADRE_OK;
    for (int i = 0; (row = other_mixer(i)); i++) {
        if (strcmp(row->name, name) != 0) continue;
        c->layer[l].mixer = mixer_with(c, row);
        return CADRE_OK;
    }
    return refuse_mixer(l, name, where);
}

static mixer_config cross_of(const model_config *c)
{
    if (!c->cross) return (mixer_config){ 0 };
    return (mixer_config){ .row = &mixer_cross,
        .width = c->width,
        .heads = c->heads,
        .kv_heads = c->heads,
        .head_dim = c->head_dim,
        .value_dim = c->head_dim };
}

static cadre_status make_layers(model_config *config)
{
    layer_config *layer = MEM_ARRAY(layer_config, config->layers);
    if (!layer) return CADRE_ENOMEM;
    int64_t step = config->sparse_step > 0 ? config->sparse_step : 1;
    for (int64_t l = 0; l < config->layers; l++) {
        bool sparse = config->experts > 0 && l >= config->dense_layers && (l + 1) % step == 0;
        int64_t at = l + !(config->arch && config->arch->base.full_first);
        bool full = config->window_period && at % config->window_period == 0;
        layer[l] = (layer_config){ .mixer = mixer_of(config),
            .cross = cross_of(config),
            .sparse = sparse,
            .moe = { .experts = (int32_t)config->experts,
                .hidden = config->expert_width,
                .shared = config->shared_width,
                .route = { .topk = (int32_t)config->topk } },
            .beside = sparse && config->beside,
            .dense_width = config->dense_width };
        if (full) layer[l].mixer.window = 0;
    }
    mem_free(config->layer);
    config->layer = layer;
    model_config_fill_layers(config);
    return CADRE_OK;
}

static void derive_neutral(model_config *c)
{
    double *factors[] = { &c->embedding_scale, &c->residual_scale, &c->logit_scale,
        &c->logit_divisor, &c->rotary_share, &c->input_scale };
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        if (*factors[i] == 0) *factors[i] = 1;
}

static void derive_rope(model_config *c)
{
    c->rope.pairs = c->latent || (c->arch && c->arch->base.rope_pairs);
    int64_t full = c->full_head_dim ? c->full_head_dim : c->head_dim;
    c->rope.width = c->latent ? c->rope_dim : (int64_t)((double)full * c->rotary_share);
    c->window_rope.pairs = c->rope.pairs;
    c->window_rope.width = c->own_window_rope
                               ? (int64_t)((double)c->head_dim * c->window_rotary_share)
                               : c->rope.width;
}

cadre_status model_config_derive(model_config *c, const char *where)
{
    const config_bound before[] = { { "layers", c->layers, 1, CONFIG_MAX_LAYERS },
        { "heads", c->heads, 1, 1024 }, { "shared-experts", c->shared_experts, 0, 1024 },
        { "expert-width", c->expert_width, 0, 1 << 20 } };
    CADRE_TRY(config_check_bounds(before, sizeof before / sizeof *before, where));
    if (!c->kv_heads || c->latent) c->kv_heads = c->heads;
    if (c->latent) c->head_dim = c->nope_dim + c->rope_dim;
    else if (!c->head_dim && c->width % c->heads)
        return cadre_fail(CADRE_EARGUMENT, where,
            "width: expected a multiple of the %lld heads, found %lld", (long long)c->heads,
            (long long)c->width);
    else if (!c->head_dim) c->head_dim = c->width / c->heads;
    if (!c->latent) c->value_dim = c->head_dim;
    if (!c->shared_width) c->shared_width = c->shared_experts * c->expert_width;
    /* DeepSeek's value, whatever the other norms use */
    if (c->latent_norm_eps == 0) c->latent_norm_eps = 1e-6;
    derive_neutral(c);
    derive_rope(c);
    return make_layers(c);
}

/* ---- facts about a configuration ---- */

bool model_config_rotates(const model_config *c)
{
    bool places = false;
    for (int64_t l = 0; l < c->layers; l++)
        places |= c->layer[l].mixer.row->places && !c->layer[l].mixer.unplaced;
    return places && !c->relative_buckets;
}

int64_t model_config_recurrent_layers(const model_config *c)
{
    int64_t count = 0;
    for (int64_t l = 0; l < c->layers; l++) count += is_recurrent(c->layer[l].mixer.row);
    return count;
}

int64_t model_config_sparse_before(const model_config *config, int64_t l)
{
    int64_t count = 0;
    for (int64_t i = 0; i < l; i++) count += config->layer[i].sparse;
    return count;
}

int64_t model_config_sparse_layers(const model_config *config)
{
    return model_config_sparse_before(config, config->layers);
}

/* Whether both are sparse and have the same experts, picks and width. */
static bool layers_alike(const layer_config *a, const layer_config *b)
{
    return a->sparse && b->sparse && a->moe.experts == b->moe.experts &&
           a->moe.route.topk == b->moe.route.topk && a->moe.hidden == b->moe.hidden &&
           a->moe.shared == b->moe.shared && a->moe.latent == b->moe.latent &&
           a->moe.residual == b->moe.residual && a->router == b->router && a->form == b->form;
}

bool model_config_layers_differ(const model_config *config)
{
    const layer_config *first = NULL;
    for (int64_t l = 0; l < config->layers; l++) {
        const layer_config *layer = &config->layer[l];
        if (!layer->sparse) continue;
        if (!first) first = layer;
        if (!layers_alike(layer, first)) return true;
    }
    return false;
}

cadre_status model_config_list_divisors(
    model_config *c, double *divisors, int64_t count, const char *where)
{
    mem_free(c->rope_divisors);
    c->rope.divisor = c->rope_divisors = divisors;
    c->rope.divisors = count;
    c->rope.scaling = ROPE_LISTED;
    for (int64_t i = 0; i < count; i++)
        if (!(divisors[i] > 1e-6 && divisors[i] < 1e9))
            return cadre_fail(CADRE_EFORMAT, where,
                "divisor %lld of the frequencies: expected a positive number, found %g",
                (long long)i, divisors[i]);
    return CADRE_OK;
}

void model_config_summarise(model_config *c)
{
    const layer_config *most = NULL;
    int64_t most_alike = 0;
    for (int64_t l = 0; l < c->layers; l++) {
        int64_t alike = 0;
        for (int64_t m = 0; c->layer[l].sparse && m < c->layers; m++)
            alike += layers_alike(&c->layer[l], &c->layer[m]);
        if (alike > most_alike) most = &c->layer[l], most_alike = alike;
    }
    if (!most) return;
    c->experts = most->moe.experts;
    c->topk = most->moe.route.topk;
    c->expert_width = most->moe.hidden;
    c->shared_width = most->moe.shared;
}

double model_config_logit_scale(const model_config *c) { return c->logit_scale / c->logit_divisor; }

cadre_status model_config_add_eos(model_config *c, int64_t token, const char *where)
{
    if (token < 0 || model_config_ends(c, token)) return CADRE_OK;
    if (c->eos < 0) {
        c->eos = token;
        return CADRE_OK;
    }
    if (c->other_eos_count < CONFIG_OTHER_EOS) {
        c->other_eos[c->other_eos_count++] = token;
        return CADRE_OK;
    }
    return cadre_fail(CADRE_EUNSUPPORTED, where,
        "eos_token_id: expected at most %d ids, found more", CONFIG_OTHER_EOS + 1);
}

bool model_config_ends(const model_config *c, int64_t token)
{
    if (token < 0) return false;
    if (token == c->eos) return true;
    for (int i = 0; i < c->other_eos_count; i++)
        if (token == c->other_eos[i]) return true;
    return false;
}
