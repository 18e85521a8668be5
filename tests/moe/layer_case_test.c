/* layer_case_test.c - a layer on given numbers: every case of other people's software that this
 * library has the router for, and files that are not what a layer needs. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cadre.h"
#include "format/safetensors.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { NAME = 256, FOLDER = 1024, PATH = 2048, THREADS = 2 };

static cadre_options *options_of(const char *file)
{
    const cadre_option_table tables[] = { cadre_layer_options(), cadre_routing_options() };
    cadre_options *o;
    succeeds(cadre_options_new(tables, 2, &o));
    if (file && cadre_options_load(o, file) != CADRE_OK) {
        cadre_options_free(o);
        return NULL;
    }
    return o;
}

/* ---- cases ---- */

static double element(const safetensors_tensor *t, int64_t i)
{
    float value;
    memcpy(&value, t->data + i * (int64_t)sizeof value, sizeof value);
    return (double)value;
}

/* The largest difference as a share of the tolerance, 1e-5 of the largest number and 1e-6. */
static double distance(const safetensors_tensor *found, const safetensors_tensor *expected)
{
    double most = 0, worst = 0;
    for (int64_t i = 0; i < expected->elements; i++) {
        most = fmax(most, fabs(element(expected, i)));
        worst = fmax(worst, fabs(element(found, i) - element(expected, i)));
    }
    return worst / (1e-5 * most + 1e-6);
}

static void compare(const char *name, const safetensors *found, const safetensors *expected)
{
    for (size_t i = 0; i < safetensors_count(expected); i++) {
        const safetensors_tensor *want = safetensors_at(expected, i), *got;
        succeeds(safetensors_get_as(found, want->name, want->dtype, want->rank, want->shape, &got));
        bool equal = !strcmp(want->dtype, "I32") ? !memcmp(got->data, want->data, want->size)
                                                 : distance(got, want) <= 1;
        if (!equal) fail_msg("%s: %s differs", name, want->name);
    }
}

static void path_of(char *path, const char *folder, const char *name, const char *tail)
{
    snprintf(path, PATH, "%s/%s%s", folder, name, tail);
}

/* False: the library has no such layer, and says so. */
static bool run_case(cadre_context *context, const char *folder, const char *name)
{
    char path[PATH], settings[PATH], want[PATH], out[PATH];
    path_of(path, folder, name, ".safetensors");
    path_of(settings, folder, name, ".json");
    path_of(want, folder, name, ".expected.safetensors");
    path_of(out, scratch_folder(), name, ".out.safetensors");
    cadre_options *o = options_of(settings);
    if (!o) return false;
    cadre_status status = cadre_layer_run(context, path, o, out, NULL, NULL);
    cadre_options_free(o);
    if (status == CADRE_EUNSUPPORTED || status == CADRE_EARGUMENT) return false;
    succeeds(status);
    safetensors *found, *expected;
    succeeds(safetensors_open(out, &found));
    succeeds(safetensors_open(want, &expected));
    compare(name, found, expected);
    safetensors_close(found);
    safetensors_close(expected);
    return true;
}

static void cases_of_other_software_hold(void **state)
{
    (void)state;
    char folder[FOLDER];
    snprintf(folder, sizeof folder, "%s", oracle_path("zoo"));
    cadre_context *context;
    int held = 0, lacking = 0;
    DIR *list = opendir(folder);
    assert_non_null(list);
    succeeds(cadre_context_new(THREADS, NULL, &context));
    for (struct dirent *entry; (entry = readdir(list));) {
        char name[NAME];
        size_t size = strlen(entry->d_name);
        if (size < 6 || strcmp(entry->d_name + size - 5, ".json") != 0) continue;
        snprintf(name, sizeof name, "%.*s", (int)(size - 5), entry->d_name);
        if (run_case(context, folder, name)) held++;
        else lacking++;
    }
    closedir(list);
    cadre_context_free(context);
    print_message("%d cases hold, %d are of layers that are not here yet\n", held, lacking);
    assert_true(held >= 13 && lacking == 0);
}

/* ---- files that are not what a layer needs ---- */

typedef struct tensor {
    const char *name, *dtype;
    int rank;
    int64_t shape[3];
} tensor;

static const tensor whole[] = { { "x", "F32", 3, { 1, 2, 3 } }, { "dy", "F32", 3, { 1, 2, 3 } },
    { "router.weight", "F32", 2, { 4, 3 } }, { "experts.gate", "F32", 3, { 4, 5, 3 } },
    { "experts.down", "F32", 3, { 4, 3, 5 } } };
enum { WHOLE = sizeof whole / sizeof *whole };

/* The whole case with tensor `at` as given; a NULL name leaves it out, WHOLE changes none. */
static const char *write_case(int at, const tensor *changed, const tensor *more)
{
    static char path[PATH];
    static const float zeros[64];
    tensor list[WHOLE + 1];
    int count = 0;
    safetensors_writer *w;
    for (int i = 0; i < WHOLE; i++)
        if (i != at || changed->name) list[count++] = i == at ? *changed : whole[i];
    if (more) list[count++] = *more;
    snprintf(path, sizeof path, "%s/case.safetensors", scratch_folder());
    succeeds(safetensors_writer_open(path, false, &w));
    for (int i = 0; i < count; i++)
        succeeds(safetensors_writer_declare(
            w, list[i].name, list[i].dtype, list[i].rank, list[i].shape));
    for (int i = 0; i < count; i++) {
        size_t size = sizeof(float);
        for (int k = 0; k < list[i].rank; k++) size *= (size_t)list[i].shape[k];
        succeeds(safetensors_writer_put(w, zeros, size));
    }
    succeeds(safetensors_writer_commit(w));
    return path;
}

/* Runs the case with `topk` experts a token; the last error tells what was wrong. */
static cadre_status run_given(const char *path, const char *losses, const char *topk)
{
    char out[PATH];
    cadre_context *context;
    cadre_options *o = options_of(NULL);
    snprintf(out, sizeof out, "%s/given.out", scratch_folder());
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_options_set(o, "expert-form", "relu"));
    succeeds(cadre_options_set(o, "topk", topk));
    if (losses) succeeds(cadre_options_set(o, "losses", losses));
    cadre_status status = cadre_layer_run(context, path, o, out, NULL, NULL);
    cadre_options_free(o);
    cadre_context_free(context);
    return status;
}

static void a_whole_case_runs(void **state)
{
    (void)state;
    succeeds(run_given(write_case(WHOLE, NULL, NULL), "load=1,z=0.5", "2"));
}

static void what_a_layer_needs_is_missed_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < WHOLE; i++) {
        assert_int_not_equal(run_given(write_case(i, &(tensor){ 0 }, NULL), NULL, "1"), CADRE_OK);
        assert_non_null(strstr(cadre_last_error(), whole[i].name));
    }
}

/* What says how large a router's own parameters are. */
static void tensors_of_a_router_are_missed_by_name(void **state)
{
    (void)state;
    static const char *const wanted[][2] = { { "cosine", "expected a tensor router.experts" },
        { "hash", "expected a tensor router.table" } };
    cadre_context *context;
    const char *path = write_case(WHOLE, NULL, NULL);
    succeeds(cadre_context_new(1, NULL, &context));
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        cadre_options *o = options_of(NULL);
        succeeds(cadre_options_set(o, "expert-form", "relu"));
        succeeds(cadre_options_set(o, "router", wanted[i][0]));
        refuses(cadre_layer_run(context, path, o, "unwritten", NULL, NULL), CADRE_EFORMAT,
            wanted[i][1]);
        cadre_options_free(o);
    }
    const tensor table = { "router.table", "I32", 2, { 5, 1 } };
    cadre_options *o = options_of(NULL);
    path = write_case(2, &(tensor){ 0 }, &table);
    succeeds(cadre_options_set(o, "expert-form", "relu"));
    succeeds(cadre_options_set(o, "router", "hash"));
    succeeds(cadre_options_set(o, "topk", "1"));
    refuses(cadre_layer_run(context, path, o, "unwritten", NULL, NULL), CADRE_EFORMAT,
        "case.safetensors: expected a tensor ids");
    cadre_options_free(o);
    cadre_context_free(context);
}

static void shapes_and_types_are_checked(void **state)
{
    (void)state;
    static const struct {
        int at;
        tensor changed;
    } wrong[] = { { 0, { "x", "F32", 2, { 2, 3 } } }, { 1, { "dy", "F32", 3, { 1, 3, 3 } } },
        { 2, { "router.weight", "F32", 2, { 4, 2 } } },
        { 3, { "experts.gate", "I32", 3, { 4, 5, 3 } } },
        { 4, { "experts.down", "F32", 3, { 3, 3, 5 } } } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *path = write_case(wrong[i].at, &wrong[i].changed, NULL);
        assert_int_not_equal(run_given(path, NULL, "1"), CADRE_OK);
        assert_non_null(strstr(cadre_last_error(), wrong[i].changed.name));
    }
}

static void tensors_of_another_layer_are_refused(void **state)
{
    (void)state;
    const tensor more = { "router.noise", "F32", 2, { 4, 3 } };
    const char *path = write_case(WHOLE, NULL, &more);
    refuses(run_given(path, NULL, "1"), CADRE_EUNSUPPORTED, "router.noise");
}

/* Trap: numbers that nothing reads, as if they had been read. */
static void tensors_that_need_others_are_refused_alone(void **state)
{
    (void)state;
    static const struct {
        tensor alone;
        const char *phrase;
    } wrong[] = { { { "residual_logits", "F32", 2, { 2, 4 } },
                      "expected a tensor router.residual" },
        { { "router.residual", "F32", 2, { 4, 4 } }, "expected a tensor residual_logits" },
        { { "shared.weight", "F32", 2, { 1, 3 } }, "expected a tensor shared.gate" } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses(run_given(write_case(WHOLE, NULL, &wrong[i].alone), NULL, "1"), CADRE_EFORMAT,
            wrong[i].phrase);
    cadre_context *context;
    cadre_options *o = options_of(NULL);
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_options_set(o, "expert-form", "relu"));
    succeeds(cadre_options_set(o, "topk", "1"));
    succeeds(cadre_options_set(o, "types", "text,image"));
    refuses(cadre_layer_run(context, write_case(WHOLE, NULL, NULL), o, "unwritten", NULL, NULL),
        CADRE_EFORMAT, "a tensor types");
    cadre_options_free(o);
    cadre_context_free(context);
}

static void losses_are_names_with_coefficients(void **state)
{
    (void)state;
    static const struct {
        const char *losses, *told;
    } wrong[] = { { "lode=1", "lode" }, { "load", "load" }, { "load=", "load=" },
        { "load=1;z=1", "load=1;z=1" }, { "load=nan", "load=nan" },
        { "load=1,load=2", "losses: expected each loss once, found load twice" } };
    const char *path = write_case(WHOLE, NULL, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(run_given(path, wrong[i].losses, "1"), CADRE_EARGUMENT);
        assert_non_null(strstr(cadre_last_error(), wrong[i].told));
    }
}

static void more_picks_than_experts_are_refused(void **state)
{
    (void)state;
    assert_int_equal(run_given(write_case(WHOLE, NULL, NULL), NULL, "5"), CADRE_EARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_of_other_software_hold),
        cmocka_unit_test(a_whole_case_runs),
        cmocka_unit_test(what_a_layer_needs_is_missed_by_name),
        cmocka_unit_test(tensors_of_a_router_are_missed_by_name),
        cmocka_unit_test(shapes_and_types_are_checked),
        cmocka_unit_test(tensors_of_another_layer_are_refused),
        cmocka_unit_test(tensors_that_need_others_are_refused_alone),
        cmocka_unit_test(losses_are_names_with_coefficients),
        cmocka_unit_test(more_picks_than_experts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
