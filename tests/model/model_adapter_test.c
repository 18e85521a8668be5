/* model_adapter_test.c - adapters beside opened models: the same logits as those of the merged
 * model, in every format of file, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/file.h"
#include "model/model.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"
#include "weights/adapter_file.h"

enum { TOKENS = 6 };
static const int32_t tokens[TOKENS] = { 5, 9, 2, 7, 7, 1 };

static char model[512], folder[512];
static cadre_context *context;

/* An adapter that changes something: both of its matrices at random. */
static void make_adapter(const char *targets)
{
    adapter a;
    adapter_spec spec = { .rank = 3, .alpha = 4 };
    cadre_model *m;
    safetensors_writer *w;
    char path[600];
    succeeds(cadre_model_open(context, model, &m));
    succeeds(adapter_targets_parse(targets, &spec.targets));
    succeeds(adapter_make(&m->config, &spec, &a));
    real *values = MEM_ARRAY(real, a.table.elements);
    adapter_initialise(&a, 7, values);
    for (int64_t i = 1; i < a.table.count; i += 2)
        for (int64_t j = 0; j < a.table.rows[i].rows * a.table.rows[i].cols; j++)
            values[a.table.rows[i].offset + j] = (real)((i * 31 + j * 7) % 11 - 5) / 40;
    succeeds(file_make_folder(folder));
    succeeds(adapter_write_config(&a, &m->config, model, folder));
    snprintf(path, sizeof path, "%s/" ADAPTER_WEIGHTS, folder);
    succeeds(safetensors_writer_open(path, false, &w));
    succeeds(adapter_write(w, &m->config, &a, values));
    succeeds(safetensors_writer_commit(w));
    mem_free(values);
    adapter_free(&a);
    cadre_model_close(m);
}

static int set_up(void **state)
{
    (void)state;
    small_model_make("16");
    snprintf(model, sizeof model, "%s", scratch_file("model"));
    snprintf(folder, sizeof folder, "%s", scratch_file("adapter"));
    return cadre_context_new(2, NULL, &context);
}

static int tear_down(void **state)
{
    (void)state;
    cadre_context_free(context);
    small_remove(model);
    small_remove(folder);
    return 0;
}

/* [TOKENS, V] in a file of that name; closed by safetensors_close. */
static safetensors *logits(const char *path, const char *adapter_path, const char *out)
{
    cadre_model *m;
    safetensors *file;
    const cadre_open_options how = { .size = sizeof how, .adapter = adapter_path };
    succeeds(cadre_model_open_with(context, path, &how, &m));
    succeeds(cadre_logits(m, tokens, TOKENS, NULL, 0, scratch_file(out)));
    cadre_model_close(m);
    succeeds(safetensors_open(scratch_file(out), &file));
    return file;
}

static double difference(const safetensors *a, const safetensors *b)
{
    const safetensors_tensor *x = safetensors_find(a, "logits"), *y = safetensors_find(b, "logits");
    double most = 0;
    assert_int_equal(x->elements, y->elements);
    for (int64_t i = 0; i < x->elements; i++) {
        float p, q;
        memcpy(&p, x->data + 4 * i, sizeof p);
        memcpy(&q, y->data + 4 * i, sizeof q);
        if (fabs((double)p - (double)q) > most) most = fabs((double)p - (double)q);
    }
    return most;
}

static void check_merged(const char *targets)
{
    make_adapter(targets);
    succeeds(cadre_merge_adapter(context, model, folder, scratch_file("merged"), NULL, NULL));
    safetensors *alone = logits(model, NULL, "alone.st"),
                *beside = logits(model, folder, "beside.st"),
                *merged = logits(scratch_file("merged"), NULL, "merged.st");
    assert_true(difference(alone, beside) > 1e-3);
    if (difference(beside, merged) > 2e-5) fail_msg("%s: %g", targets, difference(beside, merged));
    safetensors_close(alone);
    safetensors_close(beside);
    safetensors_close(merged);
    small_remove(scratch_file("merged"));
}

static void test_merged(void **state)
{
    (void)state;
    check_merged("q,k,v,o");
    check_merged("gate,up,down");
    check_merged("o,gate_up,down");
}

/* Quantised weights stay as they are: the pairs are added to what they give. */
static void test_quantised(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_file("q8.gguf"));
    make_adapter("q,gate,down");
    succeeds(cadre_convert(context, model, path, "q8_0", NULL, NULL));
    safetensors *whole = logits(model, folder, "whole.st"), *alone = logits(path, NULL, "alone.st"),
                *beside = logits(path, folder, "beside.st");
    double rounding = difference(whole, beside);
    assert_true(difference(alone, beside) > 3 * rounding);
    safetensors_close(whole);
    safetensors_close(alone);
    safetensors_close(beside);
    remove(path);
}

/* Each matrix has its own pairs, and others none. */
static void test_views(void **state)
{
    (void)state;
    cadre_model *m;
    const cadre_open_options how = { .size = sizeof how, .adapter = folder };
    make_adapter("v,gate_up,down");
    succeeds(cadre_model_open_with(context, model, &how, &m));
    assert_non_null(m->adapter.pairs);
    assert_ptr_equal(m->weights.layer[0].mixer.part[MIXER_V].pairs, &m->adapter.pairs[0]);
    assert_null(m->weights.layer[0].mixer.part[MIXER_Q].pairs);
    assert_int_equal(m->weights.layer[0].moe.experts.gate.pairs[1].out,
        2 * m->weights.layer[0].moe.experts.gate.rows);
    assert_null(m->weights.layer[0].moe.experts.up.pairs);
    cadre_model_close(m);
}

static void test_refusals(void **state)
{
    (void)state;
    cadre_model *m;
    cadre_open_options how = { .size = sizeof how, .adapter = scratch_file("nowhere") };
    refuses(cadre_model_open_with(context, model, &how, &m), CADRE_EIO, ADAPTER_CONFIG);
    how.adapter = model;
    refuses(cadre_model_open_with(context, model, &how, &m), CADRE_EIO, ADAPTER_CONFIG);
    refuses(cadre_merge_adapter(context, model, model, scratch_file("out"), NULL, NULL), CADRE_EIO,
        ADAPTER_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged),
        cmocka_unit_test(test_quantised),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
