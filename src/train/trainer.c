/* trainer.c - the training step. */
#include "train/trainer.h"

#include "kernel/rows.h"

struct trainer {
    compute *c;
    comm self, *world;   /* world: &self where there is one rank */
    model_config config; /* whose sparse layers are as they train */
    train_settings settings;
    arena memory;
    param_table table;
    real *values, *gradient; /* [elements] */
    /* [V, D] of a tied head until the step's end: two sums over tokens, each in its own order */
    real *head_gradient;
    model_weights weights;
    model_gradients gradients;
    optimizer *optimizer;
    transformer *transformer;
    balance *balance;
    int32_t *inputs, *targets; /* [micro-batch] */
    int64_t *start;            /* [sequences of a micro-batch + 1] */
    real *losses;              /* [micro-batch] */
};

static int64_t micro_batch_sequences(const train_settings *s) { return s->batch / s->accumulate; }
static int64_t micro_batch_tokens(const train_settings *s)
{
    return micro_batch_sequences(s) * s->context;
}

static batch_limits limits_of(const train_settings *s)
{
    return (batch_limits){ .tokens = micro_batch_tokens(s),
        .sequences = micro_batch_sequences(s),
        .keys = s->context,
        .training = true };
}

/* ---- memory ---- */

static int list_sparse(const model_config *c, balance_layer *layers)
{
    int count = 0;
    for (int64_t l = 0; l < c->layers; l++) {
        const moe_config *moe = &c->layer[l].moe;
        if (c->layer[l].sparse)
            layers[count++] = (balance_layer){ moe->router, moe->experts, moe->route.topk };
    }
    return count;
}

/* t->table is made. Run twice: t->memory measures where its base is NULL. */
static void layout(trainer *t)
{
    const train_settings *s = &t->settings;
    const model_config *c = &t->config;
    arena *a = &t->memory;
    t->values = ARENA_ARRAY(a, real, t->table.elements);
    t->gradient = ARENA_ARRAY(a, real, t->table.elements);
    if (c->tie) t->head_gradient = ARENA_ARRAY(a, real, (c->vocab * c->width));
    t->inputs = ARENA_ARRAY(a, int32_t, micro_batch_tokens(s));
    t->targets = ARENA_ARRAY(a, int32_t, micro_batch_tokens(s));
    t->losses = ARENA_ARRAY(a, real, micro_batch_tokens(s));
    t->start = ARENA_ARRAY(a, int64_t, (micro_batch_sequences(s) + 1));
}

static cadre_status take_config(trainer *t, const model_config *config)
{
    CADRE_TRY(model_config_copy(config, &t->config));
    return train_settings_apply(&t->settings, &t->config);
}

static cadre_status allocate(trainer *t)
{
    CADRE_TRY(param_table_make(&t->config, &t->table));
    layout(t);
    if (!arena_open(&t->memory, t->memory.used)) return CADRE_ENOMEM;
    layout(t);
    for (int64_t i = 0; i <= micro_batch_sequences(&t->settings); i++)
        t->start[i] = i * t->settings.context;
    return CADRE_OK;
}

static cadre_status make_parts(trainer *t)
{
    const train_settings *s = &t->settings;
    balance_layer layers[CONFIG_MAX_LAYERS];
    CADRE_TRY(model_weights_of_flat(&t->config, &t->table, t->values, &t->weights));
    CADRE_TRY(model_gradients_of_flat(&t->config, &t->table, t->gradient, &t->gradients));
    if (t->head_gradient) t->gradients.head = t->head_gradient;
    CADRE_TRY(optimizer_new(t->c, &t->table, &s->optimizer, &t->optimizer));
    batch_limits most = limits_of(s);
    CADRE_TRY(transformer_new(t->c, &t->config, &most, &t->transformer));
    return balance_new(&s->balance, layers, list_sparse(&t->config, layers), micro_batch_tokens(s),
        micro_batch_sequences(s), t->world, &t->balance);
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

void trainer_free(trainer *t)
{
    if (!t) return;
    balance_free(t->balance);
    transformer_free(t->transformer);
    optimizer_free(t->optimizer);
    model_gradients_free(&t->gradients);
    model_weights_free(&t->weights);
    param_table_free(&t->table);
    arena_close(&t->memory);
    model_config_free(&t->config);
    mem_free(t);
}

/* The sizes that its parts were opened with. */
static cadre_status measure(trainer *t, const compute *c, size_t *bytes)
{
    const train_settings *s = &t->settings;
    balance_layer layers[CONFIG_MAX_LAYERS];
    int sparse = list_sparse(&t->config, layers);
    batch_limits most = limits_of(s);
    layout(t);
    const size_t part[] = { (size_t)t->table.count * sizeof(param), t->memory.used,
        optimizer_bytes(&t->table), transformer_bytes(c, &t->config, &most),
        balance_bytes(
            &s->balance, layers, sparse, micro_batch_tokens(s), micro_batch_sequences(s)) };
    size_t sum = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (__builtin_add_overflow(sum, part[i], &sum) || sum == SIZE_MAX)
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
    if (status == CADRE_OK) status = param_table_make(config, &t.table);
    if (status == CADRE_OK) status = measure(&t, c, bytes);
    param_table_free(&t.table);
    model_config_free(&t.config);
    return status;
}

const param_table *trainer_table(const trainer *t) { return &t->table; }
real *trainer_values(trainer *t) { return t->values; }
optimizer *trainer_optimizer(trainer *t) { return t->optimizer; }

/* ---- the step ---- */

/* Forward of one micro-batch. */
static cadre_status forward_micro_batch(
    trainer *t, int64_t step, int64_t micro_batch, trainer_feed feed, void *arg)
{
    const train_settings *s = &t->settings;
    int64_t sequences = micro_batch_sequences(s), first = micro_batch * sequences;
    feed(arg, first, sequences, t->inputs, t->targets);
    token_batch b = { .inputs = t->inputs,
        .tokens = micro_batch_tokens(s),
        .sequences = sequences,
        .start = t->start,
        .may_stop = true,
        .random = { .train = true,
            .seed = s->seed,
            .step = (uint64_t)step,
            .first_token = first * s->context } };
    return transformer_forward(t->transformer, &t->weights, &b, t->balance, NULL, NULL);
}

/* Balancing over a step of several micro-batches: what each adds is known before the first is
 * differentiated. */
static cadre_status survey_micro_batches(trainer *t, int64_t step, trainer_feed feed, void *arg)
{
    int64_t count = t->settings.accumulate;
    if (count == 1 || !balance_wants_survey(t->balance)) return CADRE_OK;
    for (int64_t micro_batch = 0; micro_batch < count; micro_batch++) {
        CADRE_TRY(forward_micro_batch(t, step, micro_batch, feed, arg));
        balance_survey(t->balance);
    }
    return CADRE_OK;
}

/* One micro-batch: adds its gradients; returns the sum of its tokens' losses, in token
 * order. */
static cadre_status run_micro_batch(
    trainer *t, int64_t step, int64_t micro_batch, trainer_feed feed, void *arg, double *sum)
{
    const train_settings *s = &t->settings;
    CADRE_TRY(forward_micro_batch(t, step, micro_batch, feed, arg));
    balance_finish(t->balance);
    real scale = (real)(1.0 / (double)(s->batch * s->context));
    model_gradients_accumulate(&t->gradients, t->config.layers, micro_batch > 0);
    CADRE_TRY(transformer_backward(
        t->transformer, &t->weights, &t->gradients, t->targets, scale, t->losses));
    for (int64_t i = 0; i < micro_batch_tokens(s); i++) *sum += (double)t->losses[i];
    return CADRE_OK;
}

static void update_biases(trainer *t)
{
    for (int i = 0; i < trainer_sparse_layers(t); i++) {
        const real *bias = trainer_correction(t, i);
        if (bias) balance_update_bias(t->balance, i, t->values + (bias - t->values));
    }
}

cadre_status trainer_step(
    trainer *t, int64_t step, double lr, trainer_feed feed, void *arg, trainer_report *report)
{
    const train_settings *s = &t->settings;
    double sum = 0;
    int64_t tokens = s->batch * s->context;
    balance_step_begin(t->balance, s->batch, tokens);
    CADRE_TRY(survey_micro_batches(t, step, feed, arg));
    for (int64_t micro_batch = 0; micro_batch < s->accumulate; micro_batch++)
        CADRE_TRY(run_micro_batch(t, step, micro_batch, feed, arg, &sum));
    balance_step_end(t->balance);
    CADRE_TRY(comm_status(t->world)); /* asked once: nothing is changed before */
    if (t->head_gradient)
        t->c->variant->rows->add(
            t->config.vocab * t->config.width, t->head_gradient, t->gradients.embed);
    double size = optimizer_gradient_norm(t->optimizer, t->gradient);
    optimizer_step(t->optimizer, t->values, t->gradient, size, lr, lr * s->router_lr, step + 1);
    update_biases(t);
    balance_values terms = balance_value(t->balance);
    *report = (trainer_report){ sum / (double)tokens, terms.aux, terms.z, size, lr, tokens };
    return CADRE_OK;
}

int trainer_sparse_layers(const trainer *t) { return (int)model_config_sparse_layers(&t->config); }
balance_totals trainer_totals(const trainer *t, int i) { return balance_total(t->balance, i); }

/* The model's layer that is the i-th of the sparse ones. */
static int64_t sparse_layer(const trainer *t, int i)
{
    int64_t l = 0;
    for (; !t->config.layer[l].sparse || i > 0; l++) i -= t->config.layer[l].sparse;
    return l;
}

const real *trainer_correction(const trainer *t, int i)
{
    return t->weights.layer[sparse_layer(t, i)].moe.router.correction;
}

double trainer_router_norm(const trainer *t, int i)
{
    int64_t l = sparse_layer(t, i);
    return sqrt(t->c->variant->rows->sum_squares(
        t->config.layer[l].moe.experts * t->config.width, t->gradients.layer[l].moe.router.matrix));
}
