/* run_adapter_test.c - runs that train adapters, and runs on preference pairs: the model does not
 * change, results have the same bits for any number of threads and micro-batches, and runs are
 * resumed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static char model[512];

static int make_model(void **state)
{
    (void)state;
    small_model_make("16");
    snprintf(model, sizeof model, "%s", scratch_file("model"));
    return 0;
}

static int remove_model(void **state)
{
    (void)state;
    small_remove(model);
    return 0;
}

/* The options of a run from the model: it has no recipe and no sizes. */
static cadre_options *tuning(const char *out)
{
    cadre_options *o;
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options() };
    succeeds(cadre_options_new(tables, 4, &o));
    small_set(o, "from", model);
    small_set(o, "batch", "4");
    small_set(o, "context", "16");
    small_set(o, "steps", "4");
    small_set(o, "lr", "0.01");
    small_set(o, "schedule", "constant");
    small_set(o, "warmup", "0");
    small_set(o, "out", scratch_file(out));
    return o;
}

static cadre_options *adapting(const char *out, const char *targets)
{
    cadre_options *o = tuning(out);
    small_set(o, "data", small_text("texts.txt", 20000));
    small_set(o, "adapter", "lora");
    small_set(o, "rank", "2");
    small_set(o, "targets", targets);
    small_set(o, "balance-over", "sequence");
    return o;
}

static uint64_t adapter_of(const char *folder)
{
    return small_hash(scratch_file(folder), "adapter_model.safetensors");
}

static uint64_t run(cadre_options *o, const char *out, int threads)
{
    small_train(o, threads, CADRE_OK);
    cadre_options_free(o);
    uint64_t hash = adapter_of(out);
    small_remove(scratch_file(out));
    return hash;
}

static void check_same_bits(const char *targets)
{
    uint64_t one = run(adapting("one", targets), "one", 1);
    assert_true(run(adapting("two", targets), "two", 3) == one);
    cadre_options *o = adapting("parts", targets);
    small_set(o, "accumulate", "2");
    assert_true(run(o, "parts", 2) == one);
    o = adapting("other", targets);
    small_set(o, "seed", "9");
    assert_true(run(o, "other", 2) != one);
}

static void test_same_bits(void **state)
{
    (void)state;
    uint64_t before = small_hash(model, "model.safetensors");
    check_same_bits("q,o,gate,up,down");
    check_same_bits("v,gate_up,down");
    assert_true(small_hash(model, "model.safetensors") == before);
}

/* Takes two steps, resumes, and takes the other two, with every optimiser, as their states have
 * different shapes. */
static void test_resumes(void **state)
{
    (void)state;
    static const char *const optimizers[] = { "adamw", "sgd", "adafactor", "muon" };
    for (int i = 0; i < 4; i++) {
        cadre_options *o = adapting("whole", "k,gate_up");
        small_set(o, "optimizer", optimizers[i]);
        uint64_t whole = run(o, "whole", 2);
        o = adapting("half", "k,gate_up");
        small_set(o, "optimizer", optimizers[i]);
        small_set(o, "steps", "2");
        small_train(o, 2, CADRE_OK);
        cadre_options_free(o);
        o = adapting("half", "k,gate_up");
        small_set(o, "optimizer", optimizers[i]);
        small_set(o, "resume", "yes");
        if (run(o, "half", 2) != whole) fail_msg("%s: other bits", optimizers[i]);
    }
}

static void refuse(cadre_options *o, cadre_status status, const char *phrase)
{
    small_train(o, 1, status);
    if (!strstr(cadre_last_error(), phrase)) fail_msg("\"%s\"", cadre_last_error());
    cadre_options_free(o);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse(adapting("bad", "q,w"), CADRE_EARGUMENT, "found 'w'");
    cadre_options *o = tuning("bad");
    small_set(o, "data", small_text("texts.txt", 20000));
    small_set(o, "alpha", "3");
    refuse(o, CADRE_EARGUMENT, "--alpha");
    o = adapting("bad", "q");
    small_set(o, "freeze", "router");
    refuse(o, CADRE_EARGUMENT, "router");
    o = adapting("bad", "q");
    small_set(o, "freeze", "layers=0-1");
    refuse(o, CADRE_EARGUMENT, "found nothing");
}

/* ---- preferences ---- */

static const char *pairs(void)
{
    const char *path = scratch_file("pairs.jsonl");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 6; i++)
        fprintf(f, "{\"prompt\": [%d, 7], \"chosen\": [%d, 5], \"rejected\": [%d]}\n", 3 + i, 9 + i,
            20 + i);
    fclose(f);
    return path;
}

static cadre_options *comparing(const char *out)
{
    cadre_options *o = tuning(out);
    small_set(o, "preference", pairs());
    return o;
}

static uint64_t compared(cadre_options *o, const char *out, int threads)
{
    small_train(o, threads, CADRE_OK);
    cadre_options_free(o);
    uint64_t hash = small_hash(scratch_file(out), "model.safetensors");
    small_remove(scratch_file(out));
    return hash;
}

static void test_preferences_same_bits(void **state)
{
    (void)state;
    uint64_t one = compared(comparing("one"), "one", 1);
    assert_true(compared(comparing("two"), "two", 3) == one);
    cadre_options *o = comparing("parts");
    small_set(o, "accumulate", "4");
    assert_true(compared(o, "parts", 2) == one);
    /* After an interruption, the reference is still the model of the start. */
    o = comparing("half");
    small_set(o, "steps", "2");
    small_train(o, 1, CADRE_OK);
    cadre_options_free(o);
    o = comparing("half");
    small_set(o, "resume", "yes");
    assert_true(compared(o, "half", 2) == one);
}

static void test_preferences_of_adapters(void **state)
{
    (void)state;
    cadre_options *o = comparing("pairs");
    small_set(o, "adapter", "lora");
    uint64_t one = run(o, "pairs", 1);
    o = comparing("pairs");
    small_set(o, "adapter", "lora");
    small_set(o, "accumulate", "2");
    assert_true(run(o, "pairs", 2) == one);
    o = comparing("bad");
    small_set(o, "context", "2");
    refuse(o, CADRE_EARGUMENT, "--context");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_preferences_same_bits),
        cmocka_unit_test(test_preferences_of_adapters),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
