/* trainer.c - makes a trainer and lays its memory out. */
#include "train/trainer_state.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "op/low_rank.h"
#include "weights/rank_share.h"

/* The most tokens that this rank has of a micro-batch */
static int64_t most_tokens(const trainer *t, const stack *k)
{
    return trainer_most_rows(t) * k->length;
}

static batch_limits limits_of(const trainer *t, const stack *k)
{
    bool reads = t->count > 1 && k == &t->stacks[DECODER];
    int64_t all = t->settings.batch / t->settings.accumulate;
    return (batch_limits){ .tokens = most_tokens(t, k),
        .sequences = trainer_most_sequences(t),
        .keys = k->length,
        .encoder_tokens = reads ? most_tokens(t, &t->stacks[ENCODER]) : 0,
        .training = true,
        .recompute = t->settings.recompute,
        .leaves = t->settings.adapted ? 0 : t->plan.leaves, /* for the sums of the head */
        .ranks = rank_groups_several(&t->groups) ? t->plan.ranks : 0,
        .all_tokens = all * k->length,
        .all_sequences = all * t->settings.documents };
}

/* ---- memory ---- */

static int list_sparse(const model_config *c, balance_layer *layers)
{
    int count = 0;
    for (int64_t l = 0; l < c->layers; l++) {
        const moe_config *moe = &c->layer[l].moe;
        if (c->layer[l].sparse) layers[count++] = moe_balance_layer(moe);
    }
    return count;
}

static void layout_stack(trainer *t, stack *k)
{
    k->most_tokens = most_tokens(t, k);
    int64_t passes = trainer_passes_before(t, t->chunks);
    k->inputs = ARENA_ARRAY(&t->arena, int32_t, passes * k->most_tokens);
    k->start = ARENA_ARRAY(&t->arena, int64_t, passes * (trainer_most_sequences(t) + 1));
}

static model_config *share_of(trainer *t) { return t->share.layers ? &t->share : &t->config; }

/* The most elements of a gradient that is summed over leaves; routers_own: of the parameters that a
 * router has beside its matrix, which leaves_sum_whole may sum */
static int64_t largest_sum(const trainer *t, bool routers_own)
{
    int64_t most = t->config.tie && !routers_own ? trainer_embedded(t) : 0;
    for (int64_t i = 0; i < t->table.count; i++) {
        const param *p = &t->table.rows[i];
        bool counts = trainer_sums_leaves(p) && (!routers_own || param_is_routers_own(p->role));
        if (counts && p->rows * p->cols > most) most = p->rows * p->cols;
    }
    return most;
}

/* Lays out the gradients. Each slot has the gradients of dense parameters, and those of a tied head
 * before them. The embedding's gradient, which comes first in `gradient`, is not summed over
 * leaves. So the slots in `waiting` leave it out if there is no tied head; otherwise it lies
 * between the head's and the rest, and they keep its place. */
static void layout_gradients(trainer *t, arena *a)
{
    const model_config *c = &t->config;
    stack *decoder = &t->stacks[DECODER];
    int64_t slots = leaf_plan_slots(&t->plan), line = 16,
            embedding = (trainer_embedded(t) + line - 1) / line * line;
    bool tied = c->tie && embedding;
    t->head_size = tied ? embedding : 0;
    t->slot_first = tied ? -embedding : embedding;
    t->slot_size = t->dense - t->slot_first;
    real *first = ARENA_ARRAY(a, real, t->head_size + t->table.elements);
    t->gradient = first ? first + t->head_size : NULL;
    if (tied) t->head_gradient = first;
    if (slots > 1) t->waiting = ARENA_ARRAY(a, real, (slots - 1) * t->slot_size);
    leaves_layout(&decoder->leaves, a, t->workers, t->plan.leaves, largest_sum(t, false),
        largest_sum(t, true));
    t->stacks[ENCODER].leaves = decoder->leaves;
}

/* By how much a rank's slice may be larger than an even share, because a slice begins with a block,
 * or with a parameter if the optimiser updates each as a whole */
static int64_t unevenness(const trainer *t)
{
    int64_t most = 2 * OPTIMIZER_BLOCK;
    if (optimizer_divides(t->settings.optimizer.method)) return most;
    for (int64_t i = 0; i < t->table.count; i++) {
        const param *p = &t->table.rows[i];
        if (!param_is_expert(p->role) && p->rows * p->cols + 16 > most)
            most = p->rows * p->cols + 16;
    }
    return most;
}

/* Lays out what is received from other ranks: a slice of every partial sum, and the losses. */
static void layout_exchange(trainer *t, arena *a)
{
    int64_t nodes = 0, tokens = t->settings.batch / t->settings.accumulate * t->settings.context,
            slice = t->dense / t->plan.ranks + unevenness(t);
    for (int64_t i = 0; i < t->table.count; i++) { /* states have no optimiser block to divide at */
        const param *p = &t->table.rows[i];
        if (p->kind == PARAM_STATE) slice += p->rows * p->cols;
    }
    for (int r = 0; r < t->plan.ranks; r++) nodes += trainer_sums_of(t, r).count;
    t->most_slice = slice;
    t->arrived = ARENA_ARRAY(a, real, nodes * slice);
    t->all_losses = ARENA_ARRAY(a, real, tokens);
}

/* Lays the arrays out; t->table must exist. It runs twice: while t->arena has no memory yet, it
 * only measures. */
static void layout(trainer *t)
{
    const model_config *c = &t->config;
    arena *a = &t->arena;
    int64_t fed = trainer_most_rows(t) * t->settings.context;
    t->values = ARENA_ARRAY(a, real, t->table.elements);
    if (t->settings.adapted)
        t->pairs = ARENA_ARRAY(a, low_rank, t->settings.adapted->adapter->count);
    layout_gradients(t, a);
    for (int i = 0; i < t->count; i++) layout_stack(t, &t->stacks[i]);
    t->targets = ARENA_ARRAY(a, int32_t, fed);
    t->begins = ARENA_ARRAY(a, bool, fed);
    t->losses = ARENA_ARRAY(a, real, fed);
    if (t->settings.preference > 0) {
        t->weights = ARENA_ARRAY(a, real, fed);
        t->reference = ARENA_ARRAY(a, double, trainer_most_rows(t));
        t->row = ARENA_ARRAY(a, row_of_pair, t->settings.batch / t->settings.accumulate);
    }
    t->first_sequence = ARENA_ARRAY(a, int64_t, t->settings.batch + 1);
    trainer_layout_slices(t, a);
    trainer_layout_pipeline(t, a);
    if (t->plan.ranks > 1) layout_exchange(t, a);
    if (t->count == 1) return;
    t->texts = ARENA_ARRAY(a, int32_t, fed);
    if (c->tie) t->stacks[ENCODER].embedding = ARENA_ARRAY(a, real, (c->vocab * c->width));
}

/* Sets the first sentinel if it was not given: as in T5, sentinels are the vocabulary's last
 * ids. */
static void complete_spans(trainer *t)
{
    span_corruption *spans = &t->settings.spans;
    if (spans->sentinel < 0) spans->sentinel = (int32_t)t->config.vocab - 1;
    spans->start = (int32_t)t->config.bos;
    spans->end = (int32_t)t->config.eos;
}

static cadre_status check_spans(const trainer *t, const span_lengths *n)
{
    const span_corruption *spans = &t->settings.spans;
    if (t->settings.context < SPAN_LEAST)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--context: expected at least %d tokens, of which a span can be taken out, found %lld",
            SPAN_LEAST, (long long)t->settings.context);
    if (n->spans <= spans->sentinel + 1 && spans->end >= 0) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "the vocabulary: expected an end token and %lld sentinels, found %d", (long long)n->spans,
        spans->sentinel + 1);
}

static cadre_status take_stacks(trainer *t)
{
    t->count = t->config.encoder ? STACKS : 1;
    t->stacks[DECODER] = (stack){ .config = share_of(t), .length = t->settings.context };
    if (!t->config.encoder) return CADRE_OK;
    complete_spans(t);
    span_lengths n = span_lengths_of(&t->settings.spans, t->settings.context);
    t->stacks[DECODER].length = n.written;
    t->stacks[ENCODER] = (stack){ .config = t->config.encoder, .length = n.read };
    return check_spans(t, &n);
}

/* Sets t->share, this rank's share of the model's layers, if it does not have all of them. */
static cadre_status take_share(trainer *t)
{
    const rank_groups *g = &t->groups;
    rank_share share = {
        .slice = g->at.tensor, .slices = g->size.tensor, .groups = 1, .end = t->config.layers
    };
    if (g->size.tensor == 1 && g->size.pipeline == 1) return CADRE_OK;
    CADRE_TRY(trainer_check_chunks(t));
    CADRE_TRY(model_config_copy(&t->config, &t->share));
    rank_share_mixers(&share, &t->share);
    for (int64_t l = 0; l < t->config.layers; l++) t->share.layer[l].mixer.elsewhere = true;
    for (int c = 0; c < t->chunks; c++) {
        transformer_stage own = trainer_stage(t, &t->config, c);
        share.first = own.first, share.end = own.end;
        CADRE_TRY(rank_share_check(&t->config, &share));
        for (int64_t l = own.first; l < own.end; l++) t->share.layer[l].mixer.elsewhere = false;
    }
    return CADRE_OK;
}

static cadre_status take_config(trainer *t, const model_config *config)
{
    CADRE_TRY(model_config_copy(config, &t->config));
    const train_settings *s = &t->settings;
    CADRE_TRY(train_settings_apply(&t->settings, &t->config));
    t->plan = (leaf_plan){ .batch = s->batch,
        .micro_batches = s->accumulate,
        .leaves = leaf_count(s->batch, s->context),
        .rank = t->groups.tokens->rank,
        .ranks = t->groups.tokens->size };
    t->chunks = layout_chunks(&t->groups.size);
    trainer_measure_chunks(t);
    CADRE_TRY(leaf_plan_check(&t->plan));
    if (s->preference > 0 && (t->groups.pipeline || t->config.encoder))
        return cadre_fail(CADRE_EARGUMENT, NULL, "--preference: expected %s, found %s",
            t->config.encoder ? "a decoder alone" : "ranks that have all layers",
            t->config.encoder ? "an encoder" : "pipeline");
    CADRE_TRY(trainer_check_ranks(t));
    CADRE_TRY(take_share(t));
    return take_stacks(t);
}

/* The table of an adapter's pairs. Every rank has the whole model, as it lies in its file, and all
 * pairs, which are small. */
static cadre_status take_adapter(trainer *t)
{
    if (t->groups.tensor || t->groups.pipeline)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--adapter: expected ranks that divide the batch (--parallel data=D or expert=E), "
            "found tensor or pipeline: its model stays whole");
    const param_table *pairs = &t->settings.adapted->adapter->table;
    CADRE_TRY(param_table_copy(pairs, &t->table));
    return rank_groups_several(&t->groups) ? param_table_copy(pairs, &t->whole) : CADRE_OK;
}

static cadre_status make_table(trainer *t)
{
    bool several = rank_groups_several(&t->groups);
    param_share share = rank_groups_share(&t->groups, t->world->rank);
    bool adapted = t->settings.adapted != NULL;
    if (adapted) CADRE_TRY(take_adapter(t));
    else if (!several) CADRE_TRY(param_table_make_whole(&t->config, &t->table));
    else CADRE_TRY(param_table_make_share(&t->config, &share, &t->table));
    if (several && !adapted) CADRE_TRY(param_table_make_whole(&t->config, &t->whole));
    CADRE_TRY(freeze_check(&t->settings.optimizer.freeze, several ? &t->whole : &t->table));
    trainer_place_experts_last(&t->table, &t->dense);
    return trainer_check_slices(t);
}

static cadre_status allocate(trainer *t)
{
    CADRE_TRY(make_table(t));
    layout(t);
    if (!arena_open(&t->arena, t->arena.used)) return CADRE_ENOMEM;
    layout(t);
    return CADRE_OK;
}

/* The losses that the options name, and those that the routers of these layers need. */
static balance_options losses_of(const trainer *t, balance_layer *layers, int count)
{
    balance_options losses = t->settings.balance;
    balance_add_of_routers(&losses, layers, count, true);
    return losses;
}

/* The most rows that the pairs of one layer multiply. With several ranks, the rows of all may be
 * sent to the experts of one. */
static int64_t most_adapted_rows(const trainer *t)
{
    batch_limits most = limits_of(t, &t->stacks[DECODER]);
    if (!rank_groups_several(&t->groups))
        return adapter_most_rows(&t->config, most.tokens, most.sequences);
    return adapter_most_rows(&t->config, most.all_tokens, most.all_sequences);
}

/* Binds the weights of the opened model, which have no gradients, and the pairs, which have. */
static cadre_status adapt(trainer *t, stack *k)
{
    const adapted_model *m = t->settings.adapted;
    const param_table none = { 0 };
    int64_t rows = most_adapted_rows(t);
    CADRE_TRY(low_rank_reserve(t->c, rows, m->adapter->spec.rank));
    CADRE_TRY(model_weights_make(k->config, m->table, m->place, &k->weights));
    CADRE_TRY(model_gradients_of_flat(k->config, &none, NULL, &k->gradients));
    adapter_bind(m->adapter, &t->table, t->values, t->gradient, t->pairs, k->config, &k->weights);
    return CADRE_OK;
}

static cadre_status bind(trainer *t, stack *k)
{
    if (t->settings.adapted) return adapt(t, k);
    CADRE_TRY(model_weights_of_slices(k->config, &t->table, t->values, t->slices, &k->weights));
    return model_gradients_of_flat(k->config, &t->table, t->gradient, &k->gradients);
}

static cadre_status make_stack(trainer *t, stack *k)
{
    balance_layer layers[CONFIG_MAX_LAYERS];
    CADRE_TRY(bind(t, k));
    batch_limits most = limits_of(t, k);
    int sparse = list_sparse(k->config, layers);
    balance_options losses = losses_of(t, layers, sparse);
    transformer_ranks ranks = { .tensor = t->groups.tensor };
    bool decoder = k == &t->stacks[DECODER];
    for (int c = 0; c < (decoder ? t->chunks : 1); c++) {
        transformer **made = decoder ? &t->layers[c] : &k->transformer;
        transformer_stage stage = trainer_stage(t, k->config, c);
        CADRE_TRY(transformer_new_share(t->c, k->config, &most, &stage, &ranks, made));
    }
    if (decoder) trainer_select_chunk(t, 0);
    return balance_new(&losses, layers, sparse, &most, &k->balance);
}

static cadre_status make_components(trainer *t)
{
    for (int i = 0; i < t->count; i++) CADRE_TRY(make_stack(t, &t->stacks[i]));
    stack *encoder = &t->stacks[ENCODER];
    if (t->head_gradient) t->stacks[DECODER].gradients.head = t->head_gradient;
    if (encoder->embedding) {
        encoder->weights.embed = t->stacks[DECODER].weights.embed;
        encoder->gradients.embed = encoder->embedding;
    }
    if (t->count > 1) encoder->gradients.head = NULL;
    CADRE_TRY(optimizer_new(t->c, &t->table, &t->settings.optimizer, &t->optimizer));
    if (!rank_groups_several(&t->groups)) return CADRE_OK;
    optimizer_share share = { .ranks = t->world,
        .owners = t->groups.tokens,
        .counts_whole = t->groups.at.tensor == 0,
        .counts_embedding = t->groups.at.pipeline == 0,
        .whole = &t->whole,
        .adapted = t->settings.adapted ? &t->config : NULL,
        .held = rank_groups_share(&t->groups, t->world->rank),
        .dense = t->dense,
        .first = t->first };
    CADRE_TRY(optimizer_divide(t->optimizer, &t->table, &share));
    if (t->plan.ranks == 1) return CADRE_OK;
    for (int r = 0; r < t->plan.ranks; r++) assert(t->first[r + 1] - t->first[r] <= t->most_slice);
    return CADRE_OK;
}

static void take_ranks(trainer *t, const train_ranks *ranks)
{
    rank_groups_shape(&t->groups, ranks ? ranks->world : NULL, ranks ? ranks->layout : NULL);
    t->world = t->groups.world;
}

cadre_status trainer_new(compute *c, const model_config *config, const train_settings *settings,
    const train_ranks *ranks, trainer **out)
{
    trainer *t = MEM_ARRAY(trainer, 1);
    if (!t) return CADRE_ENOMEM;
    *t = (trainer){ .c = c, .workers = c->workers, .settings = *settings };
    take_ranks(t, ranks);
    cadre_status status = take_config(t, config);
    if (status == CADRE_OK) status = rank_groups_open(&t->groups);
    if (status == CADRE_OK) status = allocate(t);
    if (status == CADRE_OK) status = make_components(t);
    if (status != CADRE_OK) {
        trainer_free(t);
        return status;
    }
    *out = t;
    return CADRE_OK;
}

static void free_stack(stack *k)
{
    balance_free(k->balance);
    model_gradients_free(&k->gradients);
    model_weights_free(&k->weights);
}

void trainer_free(trainer *t)
{
    if (!t) return;
    for (int c = 0; c < t->chunks; c++) transformer_free(t->layers[c]);
    if (t->count > 1) transformer_free(t->stacks[ENCODER].transformer);
    for (int i = 0; i < t->count; i++) free_stack(&t->stacks[i]);
    optimizer_free(t->optimizer);
    param_table_free(&t->table);
    param_table_free(&t->whole);
    arena_close(&t->arena);
    model_config_free(&t->config);
    model_config_free(&t->share);
    rank_groups_close(&t->groups);
    mem_free(t);
}

/* false: the sum overflows */
static bool add_size(size_t *sum, size_t more)
{
    return !__builtin_add_overflow(*sum, more, sum) && *sum != SIZE_MAX;
}

static bool add_stack(const trainer *t, const compute *c, const stack *k, size_t *sum)
{
    balance_layer layers[CONFIG_MAX_LAYERS];
    int sparse = list_sparse(k->config, layers);
    batch_limits most = limits_of(t, k);
    balance_options losses = losses_of(t, layers, sparse);
    size_t tables = sizeof(layer_weights) + sizeof(layer_gradients) + sizeof(layer_config);
    transformer_ranks ranks = { .tensor = t->groups.tensor };
    int chunks = k == &t->stacks[DECODER] ? t->chunks : 1;
    for (int i = 0; i < chunks; i++) {
        transformer_stage stage = trainer_stage(t, k->config, i);
        if (!add_size(sum, transformer_stage_bytes(c, k->config, &most, &stage, &ranks)))
            return false;
    }
    return add_size(sum, (size_t)k->config->layers * tables) &&
           add_size(sum, balance_bytes(&losses, layers, sparse, &most));
}

/* Adds up the sizes of all components. */
static cadre_status measure(trainer *t, const compute *c, size_t *bytes)
{
    size_t sum = 0;
    layout(t);
    bool fits = add_size(&sum, (size_t)t->table.count * sizeof(param)) &&
                add_size(&sum, t->arena.used) &&
                add_size(&sum, optimizer_bytes(&t->table, &t->settings.optimizer));
    for (int i = 0; i < t->count && fits; i++) fits = add_stack(t, c, &t->stacks[i], &sum);
    if (t->settings.adapted) {
        int64_t rank = t->settings.adapted->adapter->spec.rank;
        fits &= add_size(&sum, low_rank_bytes(most_adapted_rows(t), rank));
    }
    if (!fits)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "these sizes need more memory than 64 bits can count");
    *bytes = sum;
    return CADRE_OK;
}

cadre_status trainer_bytes(const compute *c, const model_config *config,
    const train_settings *settings, const train_ranks *ranks, size_t *bytes)
{
    trainer t = { .settings = *settings, .workers = c->workers };
    take_ranks(&t, ranks);
    cadre_status status = take_config(&t, config);
    if (status == CADRE_OK) status = make_table(&t);
    if (status == CADRE_OK) status = measure(&t, c, bytes);
    param_table_free(&t.table);
    param_table_free(&t.whole);
    model_config_free(&t.config);
    model_config_free(&t.share);
    return status;
}

const param_table *trainer_table(const trainer *t) { return &t->table; }
const param_table *trainer_whole_table(const trainer *t)
{
    return rank_groups_several(&t->groups) ? &t->whole : &t->table;
}
real *trainer_values(trainer *t) { return t->values; }
optimizer *trainer_optimizer(trainer *t) { return t->optimizer; }
