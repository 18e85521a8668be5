/* trainer.c - the training step. */
#include "train/trainer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernel/rows.h"

/* The decoder, or the encoder before it */
typedef struct stack {
    const model_config *config;
    int64_t length; /* tokens of a sequence */
    model_weights weights;
    model_gradients gradients;
    transformer *transformer;
    balance *balance;
    int32_t *inputs; /* [micro-batch] */
    int64_t *start;  /* [sequences of a micro-batch + 1] */
    /* [V, D] the gradient of an embedding that others share, until the step's end: sums over
     * tokens, each in its own order. NULL: nobody shares it */
    real *embedding;
} stack;

enum { DECODER, ENCODER, STACKS };

struct trainer {
    compute *c;
    comm self, *world;   /* world: &self if there is one rank */
    model_config config; /* with sparse layers as they train */
    train_settings settings;
    arena memory;
    param_table table;
    real *values, *gradient; /* [elements] */
    /* [V, D] the gradient of a tied head until the step's end, like a stack's `embedding` */
    real *head_gradient;
    stack stacks[STACKS];
    int count; /* of stacks */
    optimizer *optimizer;
    int32_t *texts;   /* [micro-batch] as they were fed; NULL: the decoder reads them */
    int32_t *targets; /* [micro-batch] of the decoder, with room for as many as were fed */
    real *losses;     /* [micro-batch] */
};

static int64_t micro_batch_sequences(const train_settings *s) { return s->batch / s->accumulate; }
static int64_t micro_batch_tokens(const train_settings *s, const stack *k)
{
    return micro_batch_sequences(s) * k->length;
}

static batch_limits limits_of(const trainer *t, const stack *k)
{
    const train_settings *s = &t->settings;
    bool reads = t->count > 1 && k == &t->stacks[DECODER];
    return (batch_limits){ .tokens = micro_batch_tokens(s, k),
        .sequences = micro_batch_sequences(s),
        .keys = k->length,
        .encoder_tokens = reads ? micro_batch_tokens(s, &t->stacks[ENCODER]) : 0,
        .training = true };
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
    const train_settings *s = &t->settings;
    k->inputs = ARENA_ARRAY(&t->memory, int32_t, micro_batch_tokens(s, k));
    k->start = ARENA_ARRAY(&t->memory, int64_t, (micro_batch_sequences(s) + 1));
}

/* t->table must exist. Runs twice: with the base of t->memory NULL, it only measures. */
static void layout(trainer *t)
{
    const model_config *c = &t->config;
    arena *a = &t->memory;
    int64_t fed = micro_batch_sequences(&t->settings) * t->settings.context;
    t->values = ARENA_ARRAY(a, real, t->table.elements);
    t->gradient = ARENA_ARRAY(a, real, t->table.elements);
    if (c->tie) t->head_gradient = ARENA_ARRAY(a, real, (c->vocab * c->width));
    for (int i = 0; i < t->count; i++) layout_stack(t, &t->stacks[i]);
    t->targets = ARENA_ARRAY(a, int32_t, fed);
    t->losses = ARENA_ARRAY(a, real, fed);
    if (t->count == 1) return;
    t->texts = ARENA_ARRAY(a, int32_t, fed);
    if (c->tie) t->stacks[ENCODER].embedding = ARENA_ARRAY(a, real, (c->vocab * c->width));
}

/* Completes sentinels that were not given: as in T5, they are the last ids of the vocabulary. */
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
    t->stacks[DECODER] = (stack){ .config = &t->config, .length = t->settings.context };
    if (!t->config.encoder) return CADRE_OK;
    complete_spans(t);
    span_lengths n = span_lengths_of(&t->settings.spans, t->settings.context);
    t->stacks[DECODER].length = n.written;
    t->stacks[ENCODER] = (stack){ .config = t->config.encoder, .length = n.read };
    return check_spans(t, &n);
}

static cadre_status take_config(trainer *t, const model_config *config)
{
    CADRE_TRY(model_config_copy(config, &t->config));
    CADRE_TRY(train_settings_apply(&t->settings, &t->config));
    return take_stacks(t);
}

static cadre_status allocate(trainer *t)
{
    CADRE_TRY(param_table_make_whole(&t->config, &t->table));
    CADRE_TRY(freeze_check(&t->settings.optimizer.freeze, &t->table));
    layout(t);
    if (!arena_open(&t->memory, t->memory.used)) return CADRE_ENOMEM;
    layout(t);
    for (int k = 0; k < t->count; k++)
        for (int64_t i = 0; i <= micro_batch_sequences(&t->settings); i++)
            t->stacks[k].start[i] = i * t->stacks[k].length;
    return CADRE_OK;
}

/* The losses that the options name, and those that the routers need. */
static balance_options losses_of(const trainer *t, const stack *k)
{
    balance_options losses = t->settings.balance;
    for (int64_t l = 0; l < k->config->layers; l++)
        if (k->config->layer[l].sparse)
            balance_add_of_router(&losses, k->config->layer[l].moe.router, true);
    return losses;
}

static cadre_status make_stack(trainer *t, stack *k)
{
    const train_settings *s = &t->settings;
    balance_layer layers[CONFIG_MAX_LAYERS];
    CADRE_TRY(model_weights_of_flat(k->config, &t->table, t->values, &k->weights));
    CADRE_TRY(model_gradients_of_flat(k->config, &t->table, t->gradient, &k->gradients));
    batch_limits most = limits_of(t, k);
    balance_options losses = losses_of(t, k);
    CADRE_TRY(transformer_new(t->c, k->config, &most, &k->transformer));
    return balance_new(&losses, layers, list_sparse(k->config, layers), micro_batch_tokens(s, k),
        micro_batch_sequences(s), t->world, &k->balance);
}

static cadre_status make_parts(trainer *t)
{
    for (int i = 0; i < t->count; i++) CADRE_TRY(make_stack(t, &t->stacks[i]));
    stack *encoder = &t->stacks[ENCODER];
    if (t->head_gradient) t->stacks[DECODER].gradients.head = t->head_gradient;
    if (encoder->embedding) {
        encoder->weights.embed = t->stacks[DECODER].weights.embed;
        encoder->gradients.embed = encoder->embedding;
    }
    if (t->count > 1) encoder->gradients.head = NULL;
    return optimizer_new(t->c, &t->table, &t->settings.optimizer, &t->optimizer);
}

cadre_status trainer_new(compute *c, const model_config *config, const train_settings *settings,
    comm *world, trainer **out)
{
    trainer *t = MEM_ARRAY(trainer, 1);
    if (!t) return CADRE_ENOMEM;
    *t = (trainer){ .c = c, .self = comm_self(), .settings = *settings };
    t->world = world ? world : &t->self;
    cadre_status status = take_config(t, config);
    if (status == CADRE_OK) status = allocate(t);
    if (status == CADRE_OK) status = make_parts(t);
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
    transformer_free(k->transformer);
    model_gradients_free(&k->gradients);
    model_weights_free(&k->weights);
}

void trainer_free(trainer *t)
{
    if (!t) return;
    for (int i = 0; i < t->count; i++) free_stack(&t->stacks[i]);
    optimizer_free(t->optimizer);
    param_table_free(&t->table);
    arena_close(&t->memory);
    model_config_free(&t->config);
    mem_free(t);
}

static bool add_size(size_t *sum, size_t more)
{
    return !__builtin_add_overflow(*sum, more, sum) && *sum != SIZE_MAX;
}

static bool add_stack(const trainer *t, const compute *c, const stack *k, size_t *sum)
{
    const train_settings *s = &t->settings;
    balance_layer layers[CONFIG_MAX_LAYERS];
    int sparse = list_sparse(k->config, layers);
    batch_limits most = limits_of(t, k);
    balance_options losses = losses_of(t, k);
    size_t tables = sizeof(layer_weights) + sizeof(layer_gradients) + sizeof(layer_config);
    return add_size(sum, transformer_bytes(c, k->config, &most)) &&
           add_size(sum, (size_t)k->config->layers * tables) &&
           add_size(sum, balance_bytes(&losses, layers, sparse, micro_batch_tokens(s, k),
                             micro_batch_sequences(s)));
}

/* Adds up the sizes of its parts. */
static cadre_status measure(trainer *t, const compute *c, size_t *bytes)
{
    size_t sum = 0;
    layout(t);
    bool fits = add_size(&sum, (size_t)t->table.count * sizeof(param)) &&
                add_size(&sum, t->memory.used) && add_size(&sum, optimizer_bytes(&t->table));
    for (int i = 0; i < t->count && fits; i++) fits = add_stack(t, c, &t->stacks[i], &sum);
    if (!fits)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "these sizes need more memory than 64 bits can count");
    *bytes = sum;
    return CADRE_OK;
}

cadre_status trainer_bytes(
    const compute *c, const model_config *config, const train_settings *settings, size_t *bytes)
{
    trainer t = { .settings = *settings };
    cadre_status status = take_config(&t, config);
    if (status == CADRE_OK) status = param_table_make_whole(config, &t.table);
    if (status == CADRE_OK) status = freeze_check(&settings->optimizer.freeze, &t.table);
    if (status == CADRE_OK) status = measure(&t, c, bytes);
    param_table_free(&t.table);
    model_config_free(&t.config);
    return status;
}

const param_table *trainer_table(const trainer *t) { return &t->table; }
real *trainer_values(trainer *t) { return t->values; }
optimizer *trainer_optimizer(trainer *t) { return t->optimizer; }

/* ---- the step ---- */

/* Fetches the decoder's inputs and targets, and what an encoder reads. */
static void feed_micro_batch(trainer *t, int64_t step, int64_t first, trainer_feed feed, void *arg)
{
    const train_settings *s = &t->settings;
    stack *decoder = &t->stacks[DECODER], *encoder = &t->stacks[ENCODER];
    int64_t sequences = micro_batch_sequences(s);
    feed(arg, first, sequences, t->texts ? t->texts : decoder->inputs, t->targets);
    for (int64_t i = 0; t->texts && i < sequences; i++) {
        random_key key = random_key_of(s->seed, "spans", (uint64_t)step, (uint64_t)(first + i));
        span_corrupt(&s->spans, key, s->context, t->texts + i * s->context,
            encoder->inputs + i * encoder->length, decoder->inputs + i * decoder->length,
            t->targets + i * decoder->length);
    }
}

static cadre_status forward_stack(
    trainer *t, const stack *k, int64_t step, int64_t first, const stack *encoder)
{
    const train_settings *s = &t->settings;
    token_batch b = { .inputs = k->inputs,
        .tokens = micro_batch_tokens(s, k),
        .sequences = micro_batch_sequences(s),
        .start = k->start,
        .may_stop = true,
        .encoder_output = encoder ? transformer_hidden(encoder->transformer) : NULL,
        .encoder_start = encoder ? encoder->start : NULL,
        .random = { .train = true,
            .seed = k == &t->stacks[DECODER] ? s->seed : ~s->seed,
            .step = (uint64_t)step,
            .first_token = first * k->length } };
    return transformer_forward(k->transformer, &k->weights, &b, k->balance, NULL, NULL);
}

/* Runs the forward pass of one micro-batch. */
static cadre_status forward_micro_batch(
    trainer *t, int64_t step, int64_t micro_batch, trainer_feed feed, void *arg)
{
    const stack *encoder = t->count > 1 ? &t->stacks[ENCODER] : NULL;
    int64_t first = micro_batch * micro_batch_sequences(&t->settings);
    feed_micro_batch(t, step, first, feed, arg);
    if (encoder) CADRE_TRY(forward_stack(t, encoder, step, first, NULL));
    return forward_stack(t, &t->stacks[DECODER], step, first, encoder);
}

/* For balancing over a step of several micro-batches: runs each forward to learn what it adds,
 * before the first backward pass. */
static cadre_status survey_micro_batches(trainer *t, int64_t step, trainer_feed feed, void *arg)
{
    int64_t count = t->settings.accumulate;
    if (count == 1 || !balance_wants_survey(t->stacks[DECODER].balance)) return CADRE_OK;
    for (int64_t micro_batch = 0; micro_batch < count; micro_batch++) {
        CADRE_TRY(forward_micro_batch(t, step, micro_batch, feed, arg));
        for (int i = 0; i < t->count; i++) balance_survey(t->stacks[i].balance);
    }
    return CADRE_OK;
}

static cadre_status backward_micro_batch(trainer *t, bool accumulate)
{
    stack *decoder = &t->stacks[DECODER], *encoder = &t->stacks[ENCODER];
    real scale = (real)(1.0 / (double)(t->settings.batch * decoder->length));
    for (int i = 0; i < t->count; i++) {
        balance_finish(t->stacks[i].balance);
        model_gradients_accumulate(
            &t->stacks[i].gradients, t->stacks[i].config->layers, accumulate);
    }
    CADRE_TRY(transformer_backward(decoder->transformer, &decoder->weights, &decoder->gradients,
        t->targets, scale, t->losses));
    if (t->count == 1) return CADRE_OK;
    return transformer_backward_from(encoder->transformer, &encoder->weights, &encoder->gradients,
        transformer_encoder_gradient(decoder->transformer));
}

/* Runs one micro-batch and adds its gradients. Returns the sum of its tokens' losses, in token
 * order. */
static cadre_status run_micro_batch(
    trainer *t, int64_t step, int64_t micro_batch, trainer_feed feed, void *arg, double *sum)
{
    CADRE_TRY(forward_micro_batch(t, step, micro_batch, feed, arg));
    CADRE_TRY(backward_micro_batch(t, micro_batch > 0));
    int64_t tokens = micro_batch_tokens(&t->settings, &t->stacks[DECODER]);
    for (int64_t i = 0; i < tokens; i++) *sum += (double)t->losses[i];
    return CADRE_OK;
}

/* Adds the gradients of a shared embedding into one. */
static void join_embedding(trainer *t)
{
    const real *parts[] = { t->head_gradient, t->stacks[ENCODER].embedding };
    for (int i = 0; i < 2; i++)
        if (parts[i])
            t->c->variant->rows->add(
                t->config.vocab * t->config.width, parts[i], t->stacks[DECODER].gradients.embed);
}

/* Sparse layer i of all: first those of the encoder, then those of the decoder */
typedef struct sparse_place {
    const stack *stack;
    int index;     /* among the stack's sparse layers */
    int64_t layer; /* index in the stack */
} sparse_place;

static sparse_place find_sparse(const trainer *t, int i)
{
    for (int k = t->count; k-- > 0;) {
        sparse_place p = { .stack = &t->stacks[k] };
        const model_config *c = p.stack->config;
        for (p.layer = 0; p.layer < c->layers; p.layer++) {
            if (!c->layer[p.layer].sparse) continue;
            if (i-- == 0) return p;
            p.index++;
        }
    }
    assert(false);
    return (sparse_place){ .stack = t->stacks };
}

/* Moves a selection bias; frozen elements stay. */
static void update_bias(trainer *t, const sparse_place *place, real *bias)
{
    real kept[CONFIG_MAX_EXPERTS];
    int64_t begin, end;
    const param p = { .role = ROLE_ROUTER_CORRECTION,
        .kind = PARAM_STATE,
        .layer = (int32_t)place->layer,
        .expert = -1,
        .rows = 1,
        .cols = place->stack->config->layer[place->layer].moe.experts };
    freeze_elements(&t->settings.optimizer.freeze, &p, &begin, &end);
    size_t size = (size_t)(end - begin) * sizeof *bias;
    memcpy(kept, bias + begin, size);
    balance_update_bias(place->stack->balance, place->index, bias);
    memcpy(bias + begin, kept, size);
}

/* Updates the states among the router's own parameters, which the optimiser does not change. */
static void end_router_step(trainer *t, const sparse_place *place)
{
    const moe_config *moe = &place->stack->config->layer[place->layer].moe;
    const router_weights *w = &place->stack->weights.layer[place->layer].moe.router;
    real *own[ROUTER_OWN_PARAMETERS] = { 0 };
    if (!moe->router->end_step) return;
    for (int i = 0; i < ROUTER_OWN_PARAMETERS; i++)
        if (w->own[i]) own[i] = t->values + (w->own[i] - t->values);
    transformer_end_router_step(place->stack->transformer, place->layer, own);
}

static void update_biases(trainer *t)
{
    for (int i = 0; i < trainer_sparse_layers(t); i++) {
        sparse_place p = find_sparse(t, i);
        const real *bias = trainer_correction(t, i);
        if (bias) update_bias(t, &p, t->values + (bias - t->values));
        end_router_step(t, &p);
    }
}

cadre_status trainer_step(
    trainer *t, int64_t step, double lr, trainer_feed feed, void *arg, trainer_report *report)
{
    const train_settings *s = &t->settings;
    double sum = 0, aux = 0, z = 0;
    int64_t predicted = s->batch * t->stacks[DECODER].length;
    for (int i = 0; i < t->count; i++)
        balance_step_begin(t->stacks[i].balance, s->batch, s->batch * t->stacks[i].length);
    CADRE_TRY(survey_micro_batches(t, step, feed, arg));
    for (int64_t micro_batch = 0; micro_batch < s->accumulate; micro_batch++)
        CADRE_TRY(run_micro_batch(t, step, micro_batch, feed, arg, &sum));
    for (int i = 0; i < t->count; i++) balance_step_end(t->stacks[i].balance);
    CADRE_TRY(comm_status(t->world)); /* asked once, before anything is changed */
    join_embedding(t);
    double size = optimizer_gradient_norm(t->optimizer, t->gradient);
    optimizer_step(t->optimizer, t->values, t->gradient, size, lr, lr * s->router_lr, step + 1);
    update_biases(t);
    for (int i = 0; i < t->count; i++) {
        balance_values terms = balance_value(t->stacks[i].balance);
        aux += terms.aux;
        z += terms.z;
    }
    *report = (trainer_report){ sum / (double)predicted, aux, z, size, lr, s->batch * s->context };
    return CADRE_OK;
}

int trainer_sparse_layers(const trainer *t)
{
    int64_t count = 0;
    for (int i = 0; i < t->count; i++) count += model_config_sparse_layers(t->stacks[i].config);
    return (int)count;
}

balance_totals trainer_totals(const trainer *t, int i)
{
    sparse_place p = find_sparse(t, i);
    return balance_total(p.stack->balance, p.index);
}

const real *trainer_correction(const trainer *t, int i)
{
    sparse_place p = find_sparse(t, i);
    return p.stack->weights.layer[p.layer].moe.router.correction;
}

double trainer_router_norm(const trainer *t, int i)
{
    sparse_place p = find_sparse(t, i);
    const moe_config *moe = &p.stack->config->layer[p.layer].moe;
    int64_t rows = router_matrix_rows(moe->router, &moe->route, moe->experts);
    return sqrt(t->c->variant->rows->sum_squares(
        rows * p.stack->config->width, p.stack->gradients.layer[p.layer].moe.router.matrix));
}
