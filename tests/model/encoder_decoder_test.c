/* encoder_decoder_test.c - an encoder and a decoder that are trained as one: the gradients of every
 * parameter, the encoder's through all of the decoder, against differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernel/context.h"
#include "model/transformer.h"
#include "support/gradient.h"
#include "support/small_run.h"
#include "train/settings.h"

enum { VOCAB = 24, SEQUENCES = 2, READ = 14, WRITTEN = 9 };

typedef struct half {
    const model_config *config;
    int64_t tokens, start[SEQUENCES + 1];
    int32_t inputs[READ];
    model_weights weights;
    model_gradients gradients;
    transformer *t;
    balance *b;
} half;

typedef struct both {
    compute *c;
    model_config config;
    train_settings settings;
    param_table table;
    real *values, *gradient, *embedding, *head;
    half encoder, decoder;
    int32_t targets[WRITTEN];
    real losses[WRITTEN], loss;
} both;

static void open_half(both *m, half *h, const model_config *c, int64_t first, int64_t tokens)
{
    batch_limits most = {
        .tokens = tokens,
        .sequences = SEQUENCES,
        .keys = tokens,
        .encoder_tokens = c->cross ? READ : 0,
        .training = true
    };
    balance_layer layers[CONFIG_MAX_LAYERS];
    int sparse = 0;
    random_key key = random_key_of(5, "tokens", (uint64_t)tokens, 0);
    *h = (half){ .config = c, .tokens = tokens, .start = { 0, first, tokens } };
    for (int64_t i = 0; i < tokens; i++)
        h->inputs[i] = (int32_t)(random_bits(key, (uint64_t)i) % VOCAB);
    assert_int_equal(model_weights_of_flat(c, &m->table, m->values, &h->weights), CADRE_OK);
    assert_int_equal(model_gradients_of_flat(c, &m->table, m->gradient, &h->gradients), CADRE_OK);
    assert_int_equal(transformer_new(m->c, c, &most, &h->t), CADRE_OK);
    for (int64_t l = 0; l < c->layers; l++) {
        const moe_config *moe = &c->layer[l].moe;
        if (c->layer[l].sparse)
            layers[sparse++] = (balance_layer){
                .router = moe->router, .experts = moe->experts, .picks = moe->route.topk
            };
    }
    assert_int_equal(balance_new(&m->settings.balance, layers, sparse,
                         &(batch_limits){ .tokens = tokens, .sequences = SEQUENCES }, &h->b),
        CADRE_OK);
}

static void open_both(both *m, const char *tie)
{
    char *notes;
    const recipe *r = recipe_by_name("switch-t5");
    cadre_options *o = small_options("switch-t5");
    small_set(o, "aux-loss", "0.5");
    small_set(o, "tie", tie);
    *m = (both){ 0 };
    assert_int_equal(compute_new(2, "portable", &m->c), CADRE_OK);
    assert_int_equal(recipe_apply(r, o), CADRE_OK);
    if (recipe_config(r, o, VOCAB, &m->config, &notes) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    mem_free(notes);
    assert_int_equal(train_settings_read(o, r, &m->settings), CADRE_OK);
    assert_int_equal(train_settings_apply(&m->settings, &m->config), CADRE_OK);
    cadre_options_free(o);
    assert_int_equal(param_table_make_whole(&m->config, &m->table), CADRE_OK);
    m->values = MEM_ARRAY(real, m->table.elements);
    m->gradient = MEM_ARRAY(real, m->table.elements);
    gradient_fill(m->values, m->table.elements, 7, 0.4);
    open_half(m, &m->decoder, &m->config, 4, WRITTEN);
    open_half(m, &m->encoder, m->config.encoder, 8, READ);
    m->encoder.gradients.head = NULL;
    if (!m->config.tie) return;
    int64_t size = m->config.vocab * m->config.width;
    m->embedding = MEM_ARRAY(real, size);
    m->head = MEM_ARRAY(real, size);
    m->encoder.weights.embed = m->decoder.weights.embed;
    m->encoder.gradients.embed = m->embedding;
    m->decoder.gradients.head = m->head;
}

static void close_half(half *h)
{
    balance_free(h->b);
    transformer_free(h->t);
    model_weights_free(&h->weights);
    model_gradients_free(&h->gradients);
}

static void close_both(both *m)
{
    close_half(&m->encoder);
    close_half(&m->decoder);
    param_table_free(&m->table);
    model_config_free(&m->config);
    mem_free(m->values);
    mem_free(m->gradient);
    mem_free(m->embedding);
    mem_free(m->head);
    compute_free(m->c);
}

static void forward_half(half *h, const half *encoder)
{
    token_batch b = { .inputs = h->inputs,
        .tokens = h->tokens,
        .sequences = SEQUENCES,
        .start = h->start,
        .encoder_output = encoder ? transformer_hidden(encoder->t) : NULL,
        .encoder_start = encoder ? encoder->start : NULL,
        .random = { .train = true, .seed = 3, .step = 1 } };
    balance_step_begin(h->b, SEQUENCES, h->tokens);
    assert_int_equal(transformer_forward(h->t, &h->weights, &b, h->b, NULL, NULL), CADRE_OK);
    balance_finish(h->b);
}

static void forward(void *state)
{
    both *m = state;
    forward_half(&m->encoder, NULL);
    forward_half(&m->decoder, &m->encoder);
    transformer_losses(m->decoder.t, &m->decoder.weights, m->targets, m->losses);
    balance_values in = balance_value(m->encoder.b), out = balance_value(m->decoder.b);
    double sum = 0;
    for (int i = 0; i < WRITTEN; i++) sum += (double)m->losses[i];
    m->loss = (real)(sum / WRITTEN + in.aux + in.z + out.aux + out.z);
}

static void backward(both *m)
{
    half *in = &m->encoder, *out = &m->decoder;
    forward(m);
    memset(m->gradient, 0, (size_t)m->table.elements * sizeof(real));
    model_gradients_accumulate(&in->gradients, in->config->layers, false, NULL);
    model_gradients_accumulate(&out->gradients, out->config->layers, false, NULL);
    transformer_backward(
        out->t, &out->weights, &out->gradients, m->targets, (real)(1.0 / WRITTEN), m->losses);
    transformer_backward_from(
        in->t, &in->weights, &in->gradients, transformer_encoder_gradient(out->t));
    for (int64_t i = 0; m->embedding && i < m->config.vocab * m->config.width; i++)
        out->gradients.embed[i] += m->head[i] + m->embedding[i];
}

static const real one = 1;

static void check(const char *tie)
{
    both m;
    open_both(&m, tie);
    random_key key = random_key_of(6, "targets", 0, 0);
    for (int i = 0; i < WRITTEN; i++)
        m.targets[i] = (int32_t)(random_bits(key, (uint64_t)i) % VOCAB);
    backward(&m);
    gradient_loss loss = {
        .forward = forward, .state = &m, .part = { { &m.loss, &one, 1 } }, .limit = 3
    };
    int of_encoder = 0;
    for (int64_t i = 0; i < m.table.count; i++) {
        const param *p = &m.table.rows[i];
        char what[80];
        of_encoder += p->encoder;
        snprintf(what, sizeof what, "%s: role %d of layer %d, expert %d",
            p->encoder ? "encoder" : "decoder", (int)p->role, p->layer, p->expert);
        gradient_check(
            &loss, what, m.values + p->offset, m.gradient + p->offset, p->rows * p->cols);
    }
    assert_true(of_encoder > 20 && m.table.count > 2 * of_encoder);
    close_both(&m);
}

static void gradients_with_one_embedding(void **state)
{
    (void)state;
    check("yes");
}

static void gradients_with_embeddings_of_their_own(void **state)
{
    (void)state;
    check("no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_with_one_embedding),
        cmocka_unit_test(gradients_with_embeddings_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
