/* balance_memory.c - the memory of a balance: measured and laid out by the same code, made and
 * freed. */
#include "base/status.h"
#include "moe/balance_state.h"

static void layout_sums(sums *s, arena *a, int64_t sets, int64_t experts, int64_t devices)
{
    s->tokens = ARENA_ARRAY(a, double, sets);
    s->count = ARENA_ARRAY(a, double, (sets * experts));
    s->first = ARENA_ARRAY(a, double, (sets * experts));
    s->probability = ARENA_ARRAY(a, double, (sets * experts));
    s->importance = ARENA_ARRAY(a, double, (sets * experts));
    s->load = ARENA_ARRAY(a, double, (sets * experts));
    s->sent = ARENA_ARRAY(a, double, (sets * devices));
    s->entropy = ARENA_ARRAY(a, double, sets);
    s->z = ARENA_ARRAY(a, double, sets);
    s->lse = ARENA_ARRAY(a, double, sets);
    s->most = ARENA_ARRAY(a, double, sets);
    s->lost = ARENA_ARRAY(a, double, (2 * sets));
}

int64_t balance_packed_layer(int32_t experts, int32_t devices)
{
    return 5 * (int64_t)experts + devices + 7;
}

static int64_t tally_size(const balance_layer *a, int32_t devices)
{
    return 2 * (int64_t)a->experts + devices + TALLY_SCALARS;
}

static tally tally_at(int64_t *base, const balance_layer *a, int32_t devices)
{
    if (!base) return (tally){ 0 };
    int64_t *first = base + a->experts, *sent = first + a->experts;
    return (tally){ base, first, sent, sent + devices };
}

static void layout_layer(
    const balance *b, layer_statistics *p, arena *a, int64_t tokens, int64_t sequences)
{
    int64_t experts = p->about.experts, all = sequences * experts;
    int32_t devices = balance_devices(b);
    if (balance_has_routing_loss(&b->options, &p->about))
        p->dlogits = ARENA_ARRAY(a, real, tokens * experts);
    layout_sums(&p->sums, a, sequences, experts, devices);
    p->dprobability = ARENA_ARRAY(a, double, all);
    p->dimportance = ARENA_ARRAY(a, double, all);
    p->dload = ARENA_ARRAY(a, double, all);
    p->dentropy = ARENA_ARRAY(a, double, sequences);
    p->score_dprobability = ARENA_ARRAY(a, real, all);
    p->score_dimportance = ARENA_ARRAY(a, real, all);
    p->score_dload = ARENA_ARRAY(a, real, all);
    p->dscore = ARENA_ARRAY(a, score_gradient, sequences);
    p->step_probability = ARENA_ARRAY(a, double, experts);
    layout_sums(&p->survey, a, 1, experts, devices);
}

/* b->arena measures where its base is NULL. */
static void layout(balance *b, const balance_layer *layers, const batch_limits *most)
{
    int64_t tokens = most->tokens, sequences = b->several ? most->all_sequences : most->sequences;
    b->packed = 0;
    arena *a = &b->arena;
    int32_t devices = balance_devices(b), experts = 1;
    layer_statistics measured = { 0 };
    b->layer = ARENA_ARRAY(a, layer_statistics, b->layers);
    b->tally_size = 0;
    for (int l = 0; l < b->layers; l++) {
        layer_statistics *p = b->layer ? &b->layer[l] : &measured;
        p->about = layers[l];
        layout_layer(b, p, a, tokens, sequences);
        b->tally_size += tally_size(&layers[l], devices);
        b->packed += balance_packed(b, p);
        if (layers[l].experts > experts) experts = layers[l].experts;
    }
    b->micro_tally = ARENA_ARRAY(a, int64_t, b->tally_size);
    b->step_tally = ARENA_ARRAY(a, int64_t, b->tally_size);
    b->survey_tally = ARENA_ARRAY(a, int64_t, b->tally_size);
    if (b->several) b->exchange = ARENA_ARRAY(a, double, sequences * b->packed);
    layout_sums(&b->work, a, 1, experts, devices);
    b->dprobability = ARENA_ARRAY(a, double, experts);
    b->dimportance = ARENA_ARRAY(a, double, experts);
    b->dload = ARENA_ARRAY(a, double, experts);
    b->inverse = ARENA_ARRAY(a, real, tokens);
    b->entropy = ARENA_ARRAY(a, real, tokens);
}

static void place_tallies(balance *b)
{
    int64_t at = 0;
    int32_t devices = balance_devices(b);
    for (int l = 0; l < b->layers; l++) {
        layer_statistics *p = &b->layer[l];
        p->micro = tally_at(b->micro_tally + at, &p->about, devices);
        p->step = tally_at(b->step_tally + at, &p->about, devices);
        p->step_survey = tally_at(b->survey_tally + at, &p->about, devices);
        at += tally_size(&p->about, devices);
    }
}

size_t balance_bytes(const balance_options *options, const balance_layer *layers, int count,
    const batch_limits *most)
{
    balance measured = { .options = *options, .layers = count, .several = most->ranks > 0 };
    layout(&measured, layers, most);
    return measured.arena.used;
}

cadre_status balance_new(const balance_options *options, const balance_layer *layers, int count,
    const batch_limits *most, balance **b)
{
    balance blank = { .options = *options, .layers = count, .several = most->ranks > 0 };
    CADRE_TRY(balance_check(&blank, layers));
    balance *made = MEM_ARRAY(balance, 1);
    if (!made) return CADRE_ENOMEM;
    *made = blank;
    if (!arena_open(&made->arena, balance_bytes(options, layers, count, most))) {
        mem_free(made);
        return CADRE_ENOMEM;
    }
    layout(made, layers, most);
    place_tallies(made);
    *b = made;
    return CADRE_OK;
}

void balance_free(balance *b)
{
    if (b) arena_close(&b->arena);
    mem_free(b);
}
