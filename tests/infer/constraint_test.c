/* constraint_test.c - texts of a model that must be JSON: whatever its logits are, what comes is
 * valid and ends where it is whole. */
#include "infer/constraint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "infer/request.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"
#include "support/validator.h"

static cadre_context *context;
static cadre_model *model;
static real *logits; /* [V] */

static int begin(void **state)
{
    (void)state;
    small_model_open(NULL, &context, &model);
    logits = MEM_ARRAY(real, model->config.vocab);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mem_free(logits);
    small_model_close(context, model);
    return 0;
}

enum { MOST = 4000 };

typedef struct heard {
    char text[16 * MOST];
    size_t size;
    int count;
} heard;

static bool listen(void *arg, int32_t id, const char *text, size_t size)
{
    heard *h = arg;
    memcpy(h->text + h->size, text, size);
    h->size += size;
    h->text[h->size] = 0;
    h->count += id >= 0;
    return true;
}

/* Some logits; once a text is long, of tokens that end things high ones. */
static void make_logits(uint64_t seed, int at)
{
    const tokenizer *t;
    succeeds(cadre_model_tokenizer(model, &t));
    for (int64_t i = 0; i < model->config.vocab; i++) {
        string_view piece = tokenizer_piece(t, (int32_t)i);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        logits[i] = (real)((double)(seed >> 40) / (1 << 20));
        bool closes = piece.size == 1 && strchr("\"}]", piece.data[0]);
        if (at > 60 && (closes || model_config_ends(&model->config, i))) logits[i] += 100;
    }
}

static request_state write_text(cadre_constraint *c, uint64_t seed, int64_t limit, heard *h)
{
    const cadre_sampling sampling = {
        .size = sizeof sampling, .temperature = 1, .seed = seed, .constraint = c
    };
    const request_options options = {
        .limit = limit, .sampling = &sampling, .listener = listen, .arg = h
    };
    request r;
    h->size = 0, h->count = 0, h->text[0] = 0;
    succeeds(request_open(model, (const int32_t[]){ 5, 17 }, 2, &options, &r));
    succeeds(request_begin(&r, 0));
    while (!request_ended(&r)) {
        request_read(&r, request_left(&r), NULL, 0);
        if (request_ended(&r)) break;
        make_logits(seed * 1009 + (uint64_t)h->count, h->count);
        request_make_ready(&r);
        request_draw(&r, logits);
        request_take(&r);
    }
    request_state state = r.state;
    if (state == REQUEST_FAILED) print_error("%s\n", r.sentence);
    request_close(&r);
    return state;
}

static cadre_constraint *open_constraint(const char *schema)
{
    cadre_constraint *c;
    succeeds(cadre_constraint_json(model, "S", schema, schema ? strlen(schema) : 0, &c));
    return c;
}

static const char *const schemas[] = {
    "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\",\"minimum\":1},\"name\":{"
    "\"type\":"
    "\"string\",\"maxLength\":30},\"tags\":{\"type\":\"array\",\"items\":{\"enum\":[\"x\","
    "\"\xc3\xa9\"]},"
    "\"maxItems\":4}},\"required\":[\"id\",\"name\"],\"additionalProperties\":false}",
    "{\"type\":[\"boolean\",\"number\"]}",
    "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^[a-z]{1,3}[0-9]*$\"}}",
    "{}",
};

static void what_comes_is_valid(void **state)
{
    static heard h;
    int whole = 0;
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        json_t *schema = json_loads(schemas[i], 0, NULL);
        cadre_constraint *c = open_constraint(schemas[i]);
        for (uint64_t seed = 1; seed <= 40; seed++) {
            request_state how = write_text(c, seed, MOST, &h);
            if (how == REQUEST_LIMIT) continue;
            assert_int_equal(how, REQUEST_ENDED);
            json_t *value = json_loads(h.text, JSON_DECODE_ANY, NULL);
            if (!value || !valid_for(schema, schema, value)) fail_msg("%s: %s", schemas[i], h.text);
            json_decref(value);
            whole++;
        }
        cadre_constraint_free(c);
        json_decref(schema);
    }
    assert_true(whole > 120);
}

static void any_object_is_one(void **state)
{
    static heard h;
    (void)state;
    cadre_constraint *c = open_constraint(NULL);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        if (write_text(c, seed, MOST, &h) == REQUEST_LIMIT) continue;
        json_t *value = json_loads(h.text, 0, NULL);
        assert_true(json_is_object(value));
        json_decref(value);
    }
    cadre_constraint_free(c);
}

/* The limit cuts, and what has come is the beginning of something. */
static void a_limit_cuts(void **state)
{
    static heard h;
    (void)state;
    cadre_constraint *c = open_constraint("{\"type\":\"string\",\"minLength\":100}");
    assert_int_equal(write_text(c, 3, 5, &h), REQUEST_LIMIT);
    assert_int_equal(h.count, 5);
    cadre_constraint_free(c);
}

/* What would be chosen anyway is chosen, and by the same draw. */
static void allowed_tokens_keep_their_draw(void **state)
{
    sampler free, bound;
    uint64_t *mask = MEM_ARRAY(uint64_t, model->config.vocab / 64 + 1);
    const cadre_sampling options = { .size = sizeof options, .temperature = 0.7, .top_k = 5 };
    int same = 0, others = 0;
    (void)state;
    succeeds(sampler_open(&free, &rows_portable, &options, model->config.vocab));
    succeeds(sampler_open(&bound, &rows_portable, &options, model->config.vocab));
    bound.mask = mask;
    for (int64_t at = 0; at < 200; at++) {
        make_logits((uint64_t)at, 0);
        int32_t first = sampler_next(&free, logits, at);
        memset(mask, 0xff, (size_t)(model->config.vocab / 64 + 1) * sizeof *mask);
        same += sampler_next(&bound, logits, at) == first;
        mask[first >> 6] &= ~(1ull << (first & 63));
        others += sampler_next(&bound, logits, at) != first;
        memset(mask, 0, (size_t)(model->config.vocab / 64 + 1) * sizeof *mask);
        mask[0] = 1ull << 7;
        assert_int_equal(sampler_next(&bound, logits, at), 7);
    }
    assert_int_equal(same, 200);
    assert_int_equal(others, 200);
    sampler_close(&free);
    sampler_close(&bound);
    mem_free(mask);
}

/* It may be freed while a text has it, and its model is asked for. */
static void texts_keep_it(void **state)
{
    static heard h;
    (void)state;
    cadre_constraint *c = open_constraint("{\"const\":[1,2]}");
    const cadre_sampling sampling = { .size = sizeof sampling, .constraint = c };
    request_options options = { .limit = 40, .sampling = &sampling, .listener = listen, .arg = &h };
    request r;
    h.size = 0;
    succeeds(request_open(model, (const int32_t[]){ 5 }, 1, &options, &r));
    cadre_constraint_free(c);
    succeeds(request_begin(&r, 0));
    while (!request_ended(&r)) {
        request_read(&r, request_left(&r), NULL, 0);
        make_logits(9, 0);
        request_make_ready(&r);
        request_draw(&r, logits);
        request_take(&r);
    }
    assert_int_equal(r.state, REQUEST_ENDED);
    json_t *value = json_loads(h.text, 0, NULL);
    assert_int_equal(json_array_size(value), 2);
    json_decref(value);
    request_close(&r);
}

static void another_models_is_refused(void **state)
{
    cadre_model *other;
    request r;
    (void)state;
    succeeds(cadre_model_open(context, scratch_file("model"), &other));
    cadre_constraint *c = open_constraint("{}");
    const cadre_sampling sampling = { .size = sizeof sampling, .constraint = c };
    const request_options options = { .limit = 4, .sampling = &sampling, .listener = listen };
    assert_int_equal(request_open(other, (const int32_t[]){ 5 }, 1, &options, &r), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "cadre_sampling.constraint"));
    cadre_constraint_free(c);
    cadre_model_close(other);
}

static void nothing_valid_is_refused(void **state)
{
    cadre_constraint *c;
    (void)state;
    assert_int_equal(cadre_constraint_json(model, "S", "false", 5, &c), CADRE_EARGUMENT);
    assert_non_null(
        strstr(cadre_last_error(), "S: expected a schema for which something is valid"));
    assert_int_equal(cadre_constraint_json(model, "S", "{\"not\":{}}", 10, &c), CADRE_EARGUMENT);
    assert_int_equal(cadre_constraint_json(model, NULL, "{\"not\":{\"type\":\"null\"}}", 23, &c),
        CADRE_EUNSUPPORTED);
}

/* A vocabulary without a byte that the schema needs: the text fails, in words. */
static void a_vocabulary_may_be_too_small(void **state)
{
    static heard h;
    const token_trie *tokens;
    (void)state;
    succeeds(model_token_trie(model, &tokens));
    for (uint32_t i = 0; i < tokens->count; i++) /* no token holds a brace any more */
        if (tokens->nodes[i].byte == '{') model->tokens->nodes[i].byte = 0xfe;
    cadre_constraint *c = open_constraint("{\"type\":\"object\"}");
    assert_int_equal(write_text(c, 1, 40, &h), REQUEST_FAILED);
    assert_non_null(strstr(cadre_last_error(), "expected a token of the vocabulary that goes on"));
    cadre_constraint_free(c);
    for (uint32_t i = 0; i < tokens->count; i++)
        if (tokens->nodes[i].byte == 0xfe) model->tokens->nodes[i].byte = '{';
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_is_valid),
        cmocka_unit_test(any_object_is_one),
        cmocka_unit_test(a_limit_cuts),
        cmocka_unit_test(allowed_tokens_keep_their_draw),
        cmocka_unit_test(texts_keep_it),
        cmocka_unit_test(another_models_is_refused),
        cmocka_unit_test(nothing_valid_is_refused),
        cmocka_unit_test(a_vocabulary_may_be_too_small),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
