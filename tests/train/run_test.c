/* run_test.c - whole training runs: they have the same bits for any number of threads and of
 * micro-batches; they are interrupted and resumed; and some are refused. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "kernel/context.h"
#include "moe/router.h"
#include "support/scratch.h"
#include "support/small_run.h"

static cadre_options *text_run(const char *name, const char *out)
{
    cadre_options *o = small_options(name);
    assert_int_equal(cadre_options_add(o, "data", small_text("one.txt", 6000)), CADRE_OK);
    assert_int_equal(cadre_options_add(o, "data", small_text("two.txt", 6000)), CADRE_OK);
    small_set(o, "out", out);
    return o;
}

static uint64_t run_and_hash(cadre_options *o, const char *out, int threads)
{
    small_train(o, threads, CADRE_OK);
    uint64_t hash = small_hash(out, "model.safetensors");
    small_remove(out);
    cadre_options_free(o);
    return hash;
}

static void any_number_of_threads(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++) {
        const char *out = scratch_file("run");
        uint64_t one = run_and_hash(text_run(recipe_name(i), out), out, 1);
        for (int threads = 2; threads <= 3; threads++)
            if (run_and_hash(text_run(recipe_name(i), out), out, threads) != one)
                fail_msg("%s: other bits with %d threads", recipe_name(i), threads);
    }
}

static void any_number_of_micro_batches(void **state)
{
    (void)state;
    static const char *const cuts[] = { "1", "2", "4" };
    static const char *const cases[][3] = { { "deepseek-v3", NULL, NULL },
        { "qwen3-moe", "balance-over", "sequence" }, { "qwen3-moe", "tie", "true" },
        { "olmoe", "aux-loss", "0" } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint64_t whole = 0;
        for (int i = 0; i < 3; i++) {
            const char *out = scratch_file("run");
            cadre_options *o = text_run(cases[c][0], out);
            if (cases[c][1]) small_set(o, cases[c][1], cases[c][2]);
            if (c == 2) small_set(o, "balance-over", "sequence");
            small_set(o, "accumulate", cuts[i]);
            uint64_t hash = run_and_hash(o, out, 2);
            if (i == 0) whole = hash;
            if (hash != whole)
                fail_msg("%s (%s): other bits in %s micro-batches", cases[c][0],
                    cases[c][1] ? cases[c][1] : "as it is", cuts[i]);
        }
    }
}

static void every_variant(void **state)
{
    (void)state;
    int count;
    uint64_t portable = 0;
    const kernel_variant *const *list = variant_list(&count);
    for (int i = 0; i < count; i++) {
        const kernel_variant *v;
        if (variant_choose(list[i]->name, &v) != CADRE_OK) {
            print_message("SKIP: this machine cannot run the variant: %s\n", list[i]->name);
            continue;
        }
        const char *out = scratch_file("run");
        setenv("CADRE_CPU", list[i]->name, 1);
        uint64_t hash = run_and_hash(text_run("olmoe", out), out, 2);
        unsetenv("CADRE_CPU");
        if (i == 0) portable = hash;
        assert_true(hash == portable);
    }
}

/* ---- interrupting and resuming ---- */

static void stop_after_two_steps(void *arg, const cadre_train_progress *p)
{
    (void)arg;
    if (p->step == 2) cadre_interrupt();
}

static void train_two_steps(cadre_options *o)
{
    cadre_context *context;
    cadre_train_summary summary = { .size = sizeof summary };
    cadre_train_listener listener = { .size = sizeof listener, .progress = stop_after_two_steps };
    assert_int_equal(cadre_context_new(2, NULL, &context), CADRE_OK);
    assert_int_equal(cadre_train(context, o, &listener, &summary), CADRE_EINTERRUPTED);
    assert_int_equal(summary.steps, 2);
    cadre_interrupt_clear();
    cadre_context_free(context);
    cadre_options_free(o);
}

static void interrupted_and_resumed(void **state)
{
    (void)state;
    const char *whole = scratch_file("whole"), *cut = scratch_file("cut");
    uint64_t expected = run_and_hash(text_run("deepseek-v3", whole), whole, 2);
    train_two_steps(text_run("deepseek-v3", cut));
    cadre_options *o = text_run("deepseek-v3", cut);
    small_set(o, "resume", "true");
    assert_true(run_and_hash(o, cut, 2) == expected);
}

static cadre_options *run_with(const router *r, const char *out)
{
    cadre_options *o = text_run("olmoe", out);
    small_set(o, "router", r->name);
    small_set(o, "topk", r->traits & ROUTER_ONE_PICK ? "1" : "2");
    if (r->traits & ROUTER_HIERARCHY) small_set(o, "groups", "4"), small_set(o, "groups-used", "2");
    if (r->traits & ROUTER_LOOKS_AHEAD) small_set(o, "allow-lookahead", "true");
    return o;
}

/* Routers that assign a micro-batch as a whole, or set thresholds by it */
static bool routes_by_batch(const router *r)
{
    static const char *const names[] = { "base", "sinkhorn", "threshold", "quantile" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(r->name, names[i])) return true;
    return false;
}

static void every_router_in_any_number_of_micro_batches(void **state)
{
    (void)state;
    static const char *const cuts[] = { "1", "2", "4" };
    int count;
    const router *const *list = router_list(&count);
    for (int i = 0; i < count; i++) {
        uint64_t hash[3];
        for (int k = 0; k < 3; k++) {
            const char *out = scratch_file("run");
            cadre_options *o = run_with(list[i], out);
            small_set(o, "aux-loss", "0");
            small_set(o, "sequence-aux", list[i]->traits & ROUTER_MIXES ? "0" : "0.01");
            small_set(o, "balance-over", "sequence");
            small_set(o, "accumulate", cuts[k]);
            hash[k] = run_and_hash(o, out, 2);
        }
        bool same = hash[0] == hash[1] && hash[0] == hash[2];
        if (same == routes_by_batch(list[i]))
            fail_msg("%s: %s bits in micro-batches", list[i]->name, same ? "the same" : "other");
    }
}

/* Routers' own parameters and states are in the checkpoint, and threads change no bit. */
static void every_router_is_resumed(void **state)
{
    (void)state;
    int count;
    const router *const *list = router_list(&count);
    for (int i = 0; i < count; i++) {
        const char *whole = scratch_file("whole"), *cut = scratch_file("cut");
        uint64_t expected = run_and_hash(run_with(list[i], whole), whole, 1);
        train_two_steps(run_with(list[i], cut));
        cadre_options *o = run_with(list[i], cut);
        small_set(o, "resume", "true");
        if (run_and_hash(o, cut, 3) != expected) fail_msg("%s", list[i]->name);
    }
}

/* Experts of all kinds are saved, opened and trained further. */
static void every_kind_of_expert_is_resumed(void **state)
{
    (void)state;
    static const char *const kinds[][7] = { { "latent-width", "12" }, { "residual-width", "0,8" },
        { "constant-experts", "2", "copy-experts", "1", "zero-experts", "1" },
        { "residual-logits", "yes", "expert-input-scale", "2" }, { "shared-experts", "0,2" } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *out[] = { scratch_file("whole"), scratch_file("cut") };
        cadre_options *o[3];
        for (int k = 0; k < 3; k++) {
            o[k] = text_run("olmoe", out[k > 0]);
            for (int n = 0; kinds[i][n]; n += 2) small_set(o[k], kinds[i][n], kinds[i][n + 1]);
        }
        small_set(o[2], "resume", "true");
        uint64_t expected = run_and_hash(o[0], out[0], 1);
        train_two_steps(o[1]);
        if (run_and_hash(o[2], out[1], 3) != expected) fail_msg("%s", kinds[i][0]);
    }
}

/* Layers with routers, forms and losses of their own are saved, opened and trained further, with
 * the same bits for any number of threads and, as each routes by sequence, of micro-batches. */
static void layers_of_every_kind(void **state)
{
    (void)state;
    static const char *const models[][15] = {
        { "router", "hash,sigmoid-bias", "expert-form", "relu,geglu", "aux-loss", "0",
            "sequence-aux", "0,0.1", "bias-update-rate", "0,0.01" },
        { "router", "softmax-bias,noisy-topk", "renormalise", "yes,no", "experts", "4,8", "topk",
            "1,2", "overflow", "drop,none", "capacity-factor", "1.25", "aux-loss", "0" },
        { "router", "hierarchical,softmax", "groups", "4,1", "groups-used", "2,1", "estimator",
            "router,dense", "aux-loss", "0" },
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        static const char *const names[] = { "whole", "cut", "cut", "parts" };
        char out[4][256];
        cadre_options *o[4];
        for (int k = 0; k < 4; k++) {
            snprintf(out[k], sizeof out[k], "%s", scratch_file(names[k]));
            o[k] = text_run("olmoe", out[k]);
            for (int n = 0; models[i][n]; n += 2) small_set(o[k], models[i][n], models[i][n + 1]);
        }
        small_set(o[2], "resume", "true");
        small_set(o[3], "accumulate", "4");
        uint64_t expected = run_and_hash(o[0], out[0], 1);
        train_two_steps(o[1]);
        if (run_and_hash(o[2], out[2], 3) != expected) fail_msg("%s: resumed", models[i][1]);
        if (run_and_hash(o[3], out[3], 2) != expected)
            fail_msg("%s: in micro-batches", models[i][1]);
    }
}

/* A child trains and is killed without warning after `microseconds`. */
static void train_and_kill(const char *out, useconds_t microseconds)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        cadre_options *o = text_run("olmoe", out);
        cadre_context *context;
        cadre_train_summary summary = { .size = sizeof summary };
        small_set(o, "save-every", "1");
        small_set(o, "resume", "true");
        if (cadre_context_new(1, NULL, &context) == CADRE_OK)
            cadre_train(context, o, NULL, &summary);
        _exit(0);
    }
    usleep(microseconds);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void killed_at_any_moment(void **state)
{
    (void)state;
    const char *whole = scratch_file("whole"), *cut = scratch_file("cut");
    uint64_t expected = run_and_hash(text_run("olmoe", whole), whole, 1);
    for (int i = 0; i < 8; i++) train_and_kill(cut, (useconds_t)(15000 + 23000 * i));
    cadre_options *o = text_run("olmoe", cut);
    small_set(o, "resume", "true");
    small_set(o, "save-every", "1");
    assert_true(run_and_hash(o, cut, 1) == expected);
}

/* ---- refusals, which must not lose anything ---- */

static void expect(cadre_options *o, cadre_status status, const char *words)
{
    small_train(o, 1, status);
    if (!strstr(cadre_last_error(), words))
        fail_msg("\"%s\" does not speak of \"%s\"", cadre_last_error(), words);
    cadre_options_free(o);
}

static void a_folder_that_holds_a_run(void **state)
{
    (void)state;
    const char *out = scratch_file("run");
    cadre_options *o = text_run("olmoe", out);
    small_train(o, 1, CADRE_OK);
    cadre_options_free(o);
    uint64_t before = small_hash(out, "model.safetensors");
    expect(text_run("olmoe", out), CADRE_EEXISTS, "resume");
    assert_true(small_hash(out, "model.safetensors") == before);
    small_remove(out);
}

static void another_recipe_on_resume(void **state)
{
    (void)state;
    const char *out = scratch_file("run");
    cadre_options *o = text_run("olmoe", out);
    small_train(o, 1, CADRE_OK);
    cadre_options_free(o);
    o = text_run("mixtral", out);
    small_set(o, "resume", "true");
    expect(o, CADRE_EMISMATCH, "--recipe");
    o = text_run("olmoe", out);
    small_set(o, "resume", "true");
    small_set(o, "width", "32");
    expect(o, CADRE_EMISMATCH, "--width");
    small_remove(out);
}

/* Changes one bit of a file of the folder, or cuts its end off. */
static void damage(const char *folder, const char *prefix, bool truncate_it)
{
    char **names, *text;
    int count;
    size_t size;
    assert_int_equal(file_list(folder, &names, &count), CADRE_OK);
    for (int i = 0; i < count; i++) {
        if (strncmp(names[i], prefix, strlen(prefix)) != 0) continue;
        char *path = file_join(folder, names[i]);
        assert_int_equal(file_read(path, 1 << 30, &text, &size), CADRE_OK);
        text[size - 100] ^= 4;
        assert_int_equal(file_write(path, text, truncate_it ? size - 7 : size), CADRE_OK);
        mem_free(text);
        mem_free(path);
    }
    file_list_free(names, count);
}

static void a_damaged_checkpoint(void **state)
{
    (void)state;
    static const char *const files[] = { "model.safetensors", "training-state-" };
    for (int i = 0; i < 4; i++) {
        const char *out = scratch_file("run");
        cadre_options *o = text_run("olmoe", out);
        small_train(o, 1, CADRE_OK);
        cadre_options_free(o);
        damage(out, files[i / 2], i % 2);
        o = text_run("olmoe", out);
        small_set(o, "resume", "true");
        small_set(o, "steps", "8");
        cadre_context *context;
        cadre_train_summary summary = { .size = sizeof summary };
        assert_int_equal(cadre_context_new(1, NULL, &context), CADRE_OK);
        cadre_status status = cadre_train(context, o, NULL, &summary);
        if (status != CADRE_EMISMATCH && status != CADRE_EFORMAT)
            fail_msg("damage %d: status %d, %s", i, status, cadre_last_error());
        cadre_context_free(context);
        cadre_options_free(o);
        small_remove(out);
    }
}

static void options_that_cannot_be(void **state)
{
    (void)state;
    static const char *const cases[][3] = { { "topk", "9", "topk" }, { "heads", "3", "width" },
        { "kv-heads", "5", "kv-heads" }, { "accumulate", "3", "accumulate" },
        { "groups", "3", "groups" }, { "groups-used", "9", "groups-used" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cadre_options *o = text_run("mixtral", scratch_file("run"));
        small_set(o, cases[i][0], cases[i][1]);
        expect(o, CADRE_EARGUMENT, cases[i][2]);
    }
    cadre_options *o = text_run("olmoe", scratch_file("run"));
    small_set(o, "context", "65536");
    small_train(o, 1, CADRE_EFORMAT); /* the texts are shorter than one context */
    cadre_options_free(o);
    small_remove(scratch_file("run"));
}

static void a_dry_run_counts_and_writes_nothing(void **state)
{
    (void)state;
    const char *out = scratch_file("dry");
    cadre_options *o = text_run("olmoe", out);
    cadre_context *context;
    cadre_train_summary summary = { .size = sizeof summary };
    small_set(o, "dry-run", "true");
    assert_int_equal(cadre_context_new(1, NULL, &context), CADRE_OK);
    assert_int_equal(cadre_train(context, o, NULL, &summary), CADRE_OK);
    assert_true(summary.memory_bytes > 1 << 20 && summary.parameters > summary.active_parameters);
    assert_false(file_exists(out));
    cadre_context_free(context);
    cadre_options_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(any_number_of_micro_batches),
        cmocka_unit_test(every_variant),
        cmocka_unit_test(interrupted_and_resumed),
        cmocka_unit_test(every_router_is_resumed),
        cmocka_unit_test(every_router_in_any_number_of_micro_batches),
        cmocka_unit_test(every_kind_of_expert_is_resumed),
        cmocka_unit_test(layers_of_every_kind),
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(a_folder_that_holds_a_run),
        cmocka_unit_test(another_recipe_on_resume),
        cmocka_unit_test(a_damaged_checkpoint),
        cmocka_unit_test(options_that_cannot_be),
        cmocka_unit_test(a_dry_run_counts_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
