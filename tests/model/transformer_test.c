/* transformer_test.c - the whole model: gradients of every recipe's loss against differences, and
 * prefill against one token at a time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "arch/token_types.h"
#include "kernel/context.h"
#include "model/state.h"
#include "model/transformer.h"
#include "support/gradient.h"
#include "support/small_run.h"
#include "train/settings.h"
#include "weights/initialise.h"

enum { SEQUENCES = 2, LENGTH = 5, TOKENS = SEQUENCES * LENGTH, VOCAB = 24 };

/* A model with random weights, large enough that nothing is nearly linear. */
typedef struct small_model {
    compute *c;
    model_config config;
    train_settings settings;
    param_table table;
    real *values, *gradient;
    model_weights weights;
    model_gradients gradients;
    transformer *t;
    balance *b;
    int32_t inputs[TOKENS], targets[TOKENS], types[TOKENS];
    int64_t start[SEQUENCES + 1];
    real losses[TOKENS], loss; /* of each token; with the balancing terms */
} small_model;

/* change: of what no recipe has; NULL: nothing. */
static void open_model(
    small_model *m, cadre_options *o, const char *name, void (*change)(model_config *))
{
    char *notes;
    balance_layer layers[CONFIG_MAX_LAYERS];
    int sparse = 0;
    const recipe *r = recipe_by_name(name);
    *m = (small_model){ 0 };
    assert_int_equal(compute_new(1, "portable", &m->c), CADRE_OK);
    assert_int_equal(recipe_apply(r, o), CADRE_OK);
    if (recipe_config(r, o, VOCAB, &m->config, &notes) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    mem_free(notes);
    if (change) change(&m->config);
    model_config_fill_layers(&m->config);
    assert_int_equal(train_settings_read(o, r, &m->settings), CADRE_OK);
    if (train_settings_apply(&m->settings, &m->config) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    assert_int_equal(param_table_make(&m->config, &m->table), CADRE_OK);
    m->values = MEM_ARRAY(real, m->table.elements);
    m->gradient = MEM_ARRAY(real, m->table.elements);
    gradient_fill(m->values, m->table.elements, 7, 0.4);
    assert_int_equal(
        model_weights_of_flat(&m->config, &m->table, m->values, &m->weights), CADRE_OK);
    assert_int_equal(
        model_gradients_of_flat(&m->config, &m->table, m->gradient, &m->gradients), CADRE_OK);
    batch_limits most = {
        .tokens = TOKENS, .sequences = SEQUENCES, .keys = LENGTH, .training = true
    };
    assert_int_equal(transformer_new(m->c, &m->config, &most, &m->t), CADRE_OK);
    for (int64_t l = 0; l < m->config.layers; l++) {
        const moe_config *moe = &m->config.layer[l].moe;
        if (m->config.layer[l].sparse) layers[sparse++] = moe_balance_layer(moe);
    }
    balance_add_of_routers(&m->settings.balance, layers, sparse, true);
    assert_int_equal(balance_new(&m->settings.balance, layers, sparse,
                         &(batch_limits){ .tokens = TOKENS, .sequences = SEQUENCES }, &m->b),
        CADRE_OK);
    random_key key = random_key_of(5, "tokens", 0, 0);
    for (int i = 0; i < TOKENS; i++) {
        m->inputs[i] = (int32_t)(random_bits(key, (uint64_t)i) % VOCAB);
        m->targets[i] = (int32_t)(random_bits(key, (uint64_t)(i + TOKENS)) % VOCAB);
    }
    m->start[1] = LENGTH;
    m->start[2] = TOKENS;
}

static void close_model(small_model *m)
{
    balance_free(m->b);
    transformer_free(m->t);
    model_weights_free(&m->weights);
    model_gradients_free(&m->gradients);
    param_table_free(&m->table);
    model_config_free(&m->config);
    mem_free(m->values);
    mem_free(m->gradient);
    compute_free(m->c);
}

static token_batch batch_of(small_model *m)
{
    return (token_batch){ .inputs = m->inputs,
        .tokens = TOKENS,
        .sequences = SEQUENCES,
        .start = m->start,
        .types = token_types_of(&m->config, m->inputs, TOKENS, m->types),
        .random = { .train = true, .seed = 3, .step = 1 } };
}

static void forward(void *state)
{
    small_model *m = state;
    token_batch b = batch_of(m);
    balance_step_begin(m->b, SEQUENCES, TOKENS);
    transformer_forward(m->t, &m->weights, &b, m->b, NULL, NULL);
    balance_finish(m->b);
    transformer_losses(m->t, &m->weights, m->targets, m->losses);
    balance_values terms = balance_value(m->b);
    double sum = 0;
    for (int i = 0; i < TOKENS; i++) sum += (double)m->losses[i];
    m->loss = (real)(sum / TOKENS + terms.aux + terms.z);
}

static void backward(small_model *m)
{
    forward(m);
    memset(m->gradient, 0, (size_t)m->table.elements * sizeof(real));
    model_gradients_accumulate(&m->gradients, m->config.layers, false, NULL);
    transformer_backward(
        m->t, &m->weights, &m->gradients, m->targets, (real)(1.0 / TOKENS), m->losses);
}

static const real one = 1;

static void check_gradients(
    cadre_options *o, const char *recipe_name_, void (*change)(model_config *))
{
    small_model m;
    open_model(&m, o, recipe_name_, change);
    backward(&m);
    gradient_loss loss = {
        .forward = forward, .state = &m, .part = { { &m.loss, &one, 1 } }, .limit = 3
    };
    for (int64_t i = 0; i < m.table.count; i++) {
        const param *p = &m.table.rows[i];
        char what[64];
        if (p->kind == PARAM_STATE) continue;
        snprintf(what, sizeof what, "%s: role %d of layer %d, expert %d", recipe_name_,
            (int)p->role, p->layer, p->expert);
        gradient_check(
            &loss, what, m.values + p->offset, m.gradient + p->offset, p->rows * p->cols);
    }
    close_model(&m);
    cadre_options_free(o);
}

static void gradients_of_every_recipe(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++) {
        if (recipe_by_name(recipe_name(i))->encoder) continue; /* encoder_decoder_test.c */
        cadre_options *o = small_options(recipe_name(i));
        small_set(o, "z-loss", "0.05"); /* large enough to be seen */
        if (strcmp(recipe_name(i), "deepseek-v3") != 0) small_set(o, "aux-loss", "0.5");
        else small_set(o, "sequence-aux", "0.5");
        check_gradients(o, recipe_name(i), NULL);
    }
}

static void gradients_with_a_tied_head(void **state)
{
    (void)state;
    cadre_options *o = small_options("qwen3-moe");
    small_set(o, "tie", "true");
    check_gradients(o, "qwen3-moe", NULL);
}

static void gradients_of_pooled_balance(void **state)
{
    (void)state;
    cadre_options *o = small_options("olmoe");
    small_set(o, "aux-form", "pooled");
    small_set(o, "aux-loss", "0.5");
    check_gradients(o, "olmoe", NULL);
}

static void gradients_of_layers_that_differ(void **state)
{
    (void)state;
    cadre_options *o = small_options("mixtral");
    small_set(o, "experts", "4,8");
    small_set(o, "topk", "1,3");
    small_set(o, "expert-width", "20,6");
    small_set(o, "router", "softmax");
    check_gradients(o, "mixtral", NULL);
}

/* Layers with routers, forms, capacities and losses of their own */
static void gradients_of_routers_side_by_side(void **state)
{
    (void)state;
    static const char *const models[][13] = {
        { "router", "hash,softmax", "expert-form", "relu,geglu", "aux-loss", "0,0.5", "score",
            "sigmoid" },
        { "router", "sigmoid-bias,relu", "expert-form", "geglu,gelu", "losses",
            "load=0.5,z=0.1/importance=0.5" },
        { "router", "noisy-topk,cosine", "losses", "smooth-load=0.5/entropy=0.5", "projector",
            "5" },
        { "router", "hierarchical,product", "groups", "4,1", "groups-used", "2,1", "losses",
            "importance=0.5,smooth-load=0.3/orthogonality=0.5" },
        { "router", "soft,expert-choice", "allow-lookahead", "yes", "expert-form", "gpt-oss,relu" },
        { "router", "threshold,topk-softmax", "z-loss", "0,0.1", "aux-loss", "0.5" },
        { "router", "dense,top-p", "experts", "0,8", "expert-form", "relu,swiglu" },
        { "router", "quantile,sinkhorn", "overflow", "drop,none", "capacity-factor", "0.7" },
        { "router", "softmax-bias,softmax-renorm", "renormalise", "yes,no", "priority",
            "probability,token", "capacity-factor", "0.6", "survivors", "no,yes" },
        { "router", "softmax,sigmoid-input,softmax-renorm", "layers", "3", "residual-logits",
            "no,no,yes", "experts", "4,8,8", "topk", "1,2,3" },
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        cadre_options *o = small_options("mixtral");
        for (int k = 0; models[i][k]; k += 2) small_set(o, models[i][k], models[i][k + 1]);
        check_gradients(o, "mixtral", NULL);
    }
}

/* Experts of every kind, in layers that differ where they may; residual logits go through two
 * layers. */
static void gradients_of_kinds_of_experts(void **state)
{
    (void)state;
    static const char *const kinds[][9] = { { "latent-width", "10", "shared-experts", "1,0" },
        { "residual-width", "9,14", "expert-form", "relu" },
        { "constant-experts", "2", "copy-experts", "1", "zero-experts", "1", "layers", "3" },
        { "residual-logits", "yes", "layers", "3", "expert-input-scale", "2" },
        { "residual-logits", "yes", "zero-experts", "2", "zero-weight", "dropped", "router",
            "softmax-renorm" } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cadre_options *o = small_options("mixtral");
        for (int k = 0; kinds[i][k]; k += 2) small_set(o, kinds[i][k], kinds[i][k + 1]);
        small_set(o, "aux-loss", "0.5");
        check_gradients(o, "mixtral", NULL);
    }
}

/* Losses by type of token, and a bank of experts for each type */
static void gradients_by_type_of_token(void **state)
{
    (void)state;
    static const char *const kinds[][9] = {
        { "losses", "local-entropy.text=0.5,global-entropy.image=0.7", "entropy-experts",
            "image=7.5", "aux-loss", "0" },
        { "losses", "global-entropy.text=0.5/local-entropy.image=0.6", "router",
            "softmax-renorm,top-p", "aux-loss", "0" },
        { "banks", "text=5,image=3", "bank-width", "text=9,image=6", "aux-loss", "0.5" },
        { "banks", "text=5,image=3", "router", "sigmoid-bias,softmax", "shared-experts", "1" },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cadre_options *o = small_options("mixtral");
        small_set(o, "type-ids", "image=12-23");
        for (int k = 0; kinds[i][k]; k += 2) small_set(o, kinds[i][k], kinds[i][k + 1]);
        check_gradients(o, "mixtral", NULL);
    }
}

/* Without dropout numbers of the loss would be others than those of the gradient. */
static void gradients_of_dropout(void **state)
{
    (void)state;
    cadre_options *o = small_options("olmoe");
    small_set(o, "dropout", "0.2");
    check_gradients(o, "olmoe", NULL);
}

static void add_biases(model_config *c) { c->qkv_bias = c->out_bias = c->ffn_bias = true; }

static void gradients_of_biases(void **state)
{
    (void)state;
    static const char *const recipes[] = { "deepseek-v3", "qwen3-moe" };
    for (int i = 0; i < 2; i++) {
        cadre_options *o = small_options(recipes[i]);
        small_set(o, "dense-layers", "1");
        check_gradients(o, recipes[i], add_biases);
    }
}

static void set_scales(model_config *c)
{
    c->residual_scale = 0.3;
    c->embedding_scale = 3;
    c->logit_divisor = 2;
}

static void gradients_of_scales(void **state)
{
    (void)state;
    check_gradients(small_options("mixtral"), "mixtral", set_scales);
}

/* What Trinity has: norms behind each half, gates, and positions in some layers alone */
static void norm_both_sides(model_config *c)
{
    c->post_norms = true;
    c->gating = GATE_ELEMENTS;
    c->window_places = true;
    c->residual_scale = 0.7;
    c->layer[0].mixer.window = 3;
}

/* What Gemma 4 has: a dense feed-forward beside experts, values that are keys, limits */
static void be_gemma(model_config *c)
{
    c->post_norms = c->layer_scale = true;
    c->values = VALUES_NORMED;
    c->full_keys_are_values = true;
    c->logit_softcap = 3;
    for (int64_t l = 0; l < c->layers; l++) {
        c->layer[l].beside = c->layer[l].sparse;
        c->layer[l].dense_width = 10;
        c->layer[l].mixer.window = l % 2 ? 0 : 3;
    }
}

static void gradients_of_norms_behind_each_half(void **state)
{
    (void)state;
    check_gradients(small_options("qwen3-moe"), "qwen3-moe", norm_both_sides);
}

/* Recurrent layers, and blocks that are one half alone */
static void gradients_of_layers_that_do_not_attend(void **state)
{
    (void)state;
    static const char *const models[][6] = {
        { "mixer", "mamba2,short-conv", "layers", "2" },
        { "mixer", "mamba2,none,attention", "layers", "3", "dense-width", "0,20,12" },
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        cadre_options *o = small_options("mixtral");
        for (int k = 0; k < 6 && models[i][k]; k += 2) small_set(o, models[i][k], models[i][k + 1]);
        if (i) small_set(o, "experts", "0,4,0");
        check_gradients(o, "mixtral", set_scales);
    }
}

static void prefill_equals_token_by_token(void **state)
{
    (void)state;
    static const char *const names[] = { "olmoe", "mixtral", "deepseek-v3", "mixtral", "mixtral",
        "qwen3-moe", "qwen3-moe" };
    for (int n = 0; n < 7; n++) {
        cadre_options *o = small_options(names[n]);
        small_model m;
        if (n == 3) small_set(o, "residual-logits", "yes"), small_set(o, "constant-experts", "2");
        if (n == 3) small_set(o, "latent-width", "0"), small_set(o, "layers", "3");
        if (n == 4) small_set(o, "mixer", "mamba2,none,attention"), small_set(o, "layers", "3");
        open_model(&m, o, names[n], n == 6 ? be_gemma : n == 5 ? norm_both_sides : NULL);
        real whole[LENGTH * VOCAB], single[VOCAB];
        sequence_state one_by_one, *past = &one_by_one;
        batch_limits most = { .tokens = LENGTH, .sequences = 1, .keys = LENGTH };
        transformer *t;
        assert_int_equal(transformer_new(m.c, &m.config, &most, &t), CADRE_OK);
        token_batch b = { .inputs = m.inputs, .tokens = LENGTH, .sequences = 1, .start = m.start };
        transformer_forward(t, &m.weights, &b, NULL, NULL, NULL);
        transformer_logits(t, &m.weights, 0, LENGTH, whole);
        assert_int_equal(model_state_open(&m.config, LENGTH, &one_by_one), CADRE_OK);
        for (int i = 0; i < LENGTH; i++) {
            token_batch next = { .inputs = m.inputs + i,
                .tokens = 1,
                .sequences = 1,
                .start = (int64_t[]){ 0, 1 },
                .states = &past };
            transformer_forward(t, &m.weights, &next, NULL, NULL, NULL);
            transformer_logits(t, &m.weights, 0, 1, single);
            assert_memory_equal(single, whole + i * VOCAB, sizeof single);
        }
        sequence_state_close(&one_by_one);
        transformer_free(t);
        close_model(&m);
        cadre_options_free(o);
    }
}

static void ask_to_stop(void *arg, int64_t layer, const plan *p)
{
    (void)layer, (void)p;
    (*(int *)arg)++;
    cadre_interrupt();
}

/* Between two layers, where the batch says so: the cache is as it was, and the pass can be taken
 * anew. */
static void given_up_between_layers(void **state)
{
    (void)state;
    cadre_options *o = small_options("olmoe");
    small_model m;
    open_model(&m, o, "olmoe", NULL);
    sequence_state held, *past = &held;
    int layers = 0;
    assert_int_equal(model_state_open(&m.config, LENGTH, &held), CADRE_OK);
    token_batch b = { .inputs = m.inputs,
        .tokens = LENGTH,
        .sequences = 1,
        .start = m.start,
        .states = &past,
        .may_stop = true };
    assert_int_equal(
        transformer_forward(m.t, &m.weights, &b, NULL, ask_to_stop, &layers), CADRE_EINTERRUPTED);
    assert_int_equal(layers, 1);
    assert_int_equal(held.length, 0);
    b.may_stop = false;
    assert_int_equal(
        transformer_forward(m.t, &m.weights, &b, NULL, ask_to_stop, &layers), CADRE_OK);
    assert_int_equal(held.length, LENGTH);
    cadre_interrupt_clear();
    sequence_state_close(&held);
    close_model(&m);
    cadre_options_free(o);
}

/* ---- stages ---- */

/* Sequence i by itself. */
static token_batch micro_batch(small_model *m, int i)
{
    token_batch b = batch_of(m);
    b.inputs += i * LENGTH;
    b.tokens = LENGTH;
    b.sequences = 1;
    b.random.first_token = i * LENGTH;
    return b;
}

static void stage_backward(small_model *m, transformer *t, int i)
{
    model_gradients_accumulate(&m->gradients, m->config.layers, i > 0, NULL);
    transformer_select_pass(t, i);
    assert_int_equal(transformer_backward(t, &m->weights, &m->gradients, m->targets + i * LENGTH,
                         (real)(1.0 / TOKENS), m->losses + i * LENGTH),
        CADRE_OK);
}

static void run_whole(small_model *m, transformer *t)
{
    for (int i = 0; i < SEQUENCES; i++) {
        token_batch b = micro_batch(m, i);
        assert_int_equal(transformer_forward(t, &m->weights, &b, NULL, NULL, NULL), CADRE_OK);
        model_gradients_accumulate(&m->gradients, m->config.layers, i > 0, NULL);
        assert_int_equal(transformer_backward(t, &m->weights, &m->gradients,
                             m->targets + i * LENGTH, (real)(1.0 / TOKENS), m->losses + i * LENGTH),
            CADRE_OK);
    }
}

/* All forwards come before the first backward. */
static void run_stages(small_model *m, transformer *first, transformer *last)
{
    size_t bytes = (size_t)(LENGTH * m->config.width) * sizeof(real);
    for (int i = 0; i < SEQUENCES; i++) {
        token_batch b = micro_batch(m, i);
        transformer_select_pass(first, i), transformer_select_pass(last, i);
        assert_int_equal(transformer_forward(first, &m->weights, &b, NULL, NULL, NULL), CADRE_OK);
        memcpy(transformer_entry(last), transformer_exit(first), bytes);
        b.inputs = NULL;
        assert_int_equal(transformer_forward(last, &m->weights, &b, NULL, NULL, NULL), CADRE_OK);
    }
    for (int i = 0; i < SEQUENCES; i++) {
        stage_backward(m, last, i);
        memcpy(transformer_gradient(first), transformer_gradient(last), bytes);
        stage_backward(m, first, i);
    }
}

static void check_stages(const char *name)
{
    cadre_options *o = small_options(name);
    small_model m;
    open_model(&m, o, name, NULL);
    batch_limits most = { .tokens = LENGTH, .sequences = 1, .keys = LENGTH, .training = true };
    transformer_stage part[] = { { 0, 1, SEQUENCES }, { 1, m.config.layers, SEQUENCES } };
    transformer *whole, *stage[2];
    size_t size = (size_t)m.table.elements * sizeof(real);
    assert_int_equal(transformer_new(m.c, &m.config, &most, &whole), CADRE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            transformer_new_stage(m.c, &m.config, &most, &part[i], &stage[i]), CADRE_OK);
        assert_true(transformer_stage_bytes(
                        m.c, &m.config, &most, &part[i], &(transformer_ranks){ 0 }) > 0);
    }
    run_whole(&m, whole);
    real *gradient = mem_alloc(size, 1), losses[TOKENS];
    memcpy(gradient, m.gradient, size);
    memcpy(losses, m.losses, sizeof losses);
    memset(m.gradient, 0, size);
    run_stages(&m, stage[0], stage[1]);
    assert_memory_equal(m.losses, losses, sizeof losses);
    assert_memory_equal(m.gradient, gradient, size);
    mem_free(gradient);
    transformer_free(whole), transformer_free(stage[0]), transformer_free(stage[1]);
    close_model(&m);
    cadre_options_free(o);
}

/* Trap: a micro-batch's states overwritten by the next before its backward pass. */
static void two_stages_with_two_batches_in_flight_are_the_whole(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++)
        if (!recipe_by_name(recipe_name(i))->encoder) check_stages(recipe_name(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_every_recipe),
        cmocka_unit_test(gradients_with_a_tied_head),
        cmocka_unit_test(gradients_of_pooled_balance),
        cmocka_unit_test(gradients_of_layers_that_differ),
        cmocka_unit_test(gradients_of_routers_side_by_side),
        cmocka_unit_test(gradients_of_kinds_of_experts),
        cmocka_unit_test(gradients_by_type_of_token),
        cmocka_unit_test(gradients_of_dropout),
        cmocka_unit_test(gradients_of_biases),
        cmocka_unit_test(gradients_of_scales),
        cmocka_unit_test(gradients_of_norms_behind_each_half),
        cmocka_unit_test(gradients_of_layers_that_do_not_attend),
        cmocka_unit_test(prefill_equals_token_by_token),
        cmocka_unit_test(given_up_between_layers),
        cmocka_unit_test(two_stages_with_two_batches_in_flight_are_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
