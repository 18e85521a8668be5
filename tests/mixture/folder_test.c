/* folder_test.c - a folder reads back as the same mixture, to the bit; damaged ones are refused. */
#define _GNU_SOURCE
#include "mixture/folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static const char table_text[] = "x,w,y,k\n0,1,0,0\n1,3,1,1\n2,0,5,0\n3,2,2,1\n4,1,8,1\n5,5,3,0\n";

static const char *data(void)
{
    const char *path = scratch_file("folder.csv");
    succeeds(file_write(path, table_text, strlen(table_text)));
    return path;
}

/* Fits with "name=value" options and writes to a folder of the scratch folder. */
static cadre_mixture *fit_to(const char *folder, const char *const *set)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_mixture_options() };
    cadre_options *o;
    cadre_mixture *m;
    succeeds(cadre_options_new(tables, 2, &o));
    succeeds(cadre_options_set(o, "iterations", "4"));
    succeeds(cadre_options_set(o, "out", folder));
    for (; *set; set++) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*set, "="), *set);
        succeeds(cadre_options_set(o, name, strchr(*set, '=') + 1));
    }
    succeeds(cadre_mixture_fit(data(), o, NULL, NULL, &m));
    refuses(cadre_mixture_fit(data(), o, NULL, NULL, &m), CADRE_EEXISTS, folder);
    cadre_options_free(o);
    return m;
}

static void remove_folder(const char *folder)
{
    char *file = file_join(folder, "mixture.safetensors");
    succeeds(file_remove(file));
    file_remove_folder(folder);
    mem_free(file);
}

enum { ANSWERS = 64 };

typedef struct answers {
    int64_t outputs, count;
    double value[ANSWERS];
} answers;

static void keep(void *arg, const cadre_mixture_prediction *p)
{
    answers *a = arg;
    for (int64_t j = 0; j < a->outputs; j++) a->value[a->count++] = p->output[j];
}

static answers ask(const cadre_mixture *m)
{
    answers a = { .outputs = m->shape.outputs };
    succeeds(cadre_mixture_predict(m, data(), keep, &a));
    return a;
}

static void check_round_trip(const char *const *set)
{
    const char *folder = scratch_file("mixture");
    cadre_mixture *made = fit_to(folder, set), *read;
    succeeds(cadre_mixture_open(folder, &read));
    assert_int_equal(read->method, made->method);
    assert_int_equal(read->rows, 6);
    assert_int_equal(read->records, 5);
    assert_int_equal(read->sample_rows, 3);
    assert_memory_equal(
        read->parameters, made->parameters, (size_t)made->layout.count * sizeof *made->parameters);
    assert_memory_equal(read->sample, made->sample, 12 * sizeof *made->sample);
    for (int64_t j = 0; j < mixture_columns(made); j++)
        assert_string_equal(read->column[j].name, made->column[j].name);
    answers a = ask(made), b = ask(read);
    assert_int_equal(a.count, 6 * made->shape.outputs);
    assert_memory_equal(a.value, b.value, sizeof a.value);
    cadre_mixture_free(made);
    cadre_mixture_free(read);
    remove_folder(folder);
}

#define ROUND_TRIP(...) check_round_trip((const char *const[]){ "sample=3", __VA_ARGS__, NULL })

static void folders_read_back_as_they_were(void **state)
{
    (void)state;
    ROUND_TRIP("target=y");
    ROUND_TRIP("target=y,w", "levels=2,2", "standardise=no");
    ROUND_TRIP("target=k", "classify=yes", "experts=3");
    ROUND_TRIP("target=y,k", "method=cooperative", "gates=task");
    ROUND_TRIP("target=y", "method=gradient", "expert=mlp", "hidden=3", "levels=3,1");
}

/* The file with `length` bytes in the place of others. */
static void damage_bytes(const char *folder, const void *from, const void *to, size_t length,
    cadre_status code, const char *phrase)
{
    char *file = file_join(folder, "mixture.safetensors"), *text, *kept;
    size_t size;
    cadre_mixture *m;
    succeeds(file_read(file, 1 << 20, &text, &size));
    kept = mem_alloc(size, 1);
    memcpy(kept, text, size);
    char *at = memmem(text, size, from, length);
    if (!at) fail_msg("what \"%s\" is about is not in the file", phrase);
    memcpy(at, to, length);
    succeeds(file_write(file, text, size));
    refuses(cadre_mixture_open(folder, &m), code, phrase);
    succeeds(file_write(file, kept, size));
    mem_free(kept);
    mem_free(text);
    mem_free(file);
}

static void damage(
    const char *folder, const char *from, const char *to, cadre_status code, const char *phrase)
{
    assert_int_equal(strlen(from), strlen(to));
    damage_bytes(folder, from, to, strlen(from), code, phrase);
}

static void damaged_folders_are_refused(void **state)
{
    (void)state;
    const char *folder = scratch_file("mixture");
    cadre_mixture *m = fit_to(folder, (const char *const[]){ "target=y", NULL });
    const double nan = NAN, deviation = m->column[0].deviation;
    damage(folder, "\\\"em\\\"", "\\\"me\\\"", CADRE_EFORMAT, "method: expected em, gradient");
    damage(
        folder, "\\\"experts\\\": 2", "\\\"experts\\\": 3", CADRE_EMISMATCH, "gate: expected F64");
    damage(
        folder, "\\\"groups\\\": 0", "\\\"groups\\\": 3", CADRE_EFORMAT, "groups: expected a div");
    damage(
        folder, "\\\"outputs\\\": 1", "\\\"outputs\\\": 9", CADRE_EFORMAT, "targets: expected as");
    damage(folder, "\"mixture\"", "\"nixture\"", CADRE_EFORMAT, "expected the metadata");
    damage_bytes(
        folder, &deviation, &nan, sizeof nan, CADRE_EFORMAT, "columns: expected positive numbers");
    cadre_mixture_free(m);
    remove_folder(folder);
    refuses(cadre_mixture_open(folder, &m), CADRE_EIO, "expected the folder of a mixture");
}

static void tables_with_other_columns_are_refused(void **state)
{
    (void)state;
    const char *folder = scratch_file("mixture"), *other = scratch_file("other.csv");
    cadre_mixture *m = fit_to(folder, (const char *const[]){ "target=y", NULL });
    answers a = { .outputs = 1 };
    succeeds(file_write(other, "k,x,W\n1,2,3\n", 12));
    refuses(cadre_mixture_predict(m, other, keep, &a), CADRE_EMISMATCH,
        "other.csv: expected a column 'w', which the mixture was fitted on");
    succeeds(file_write(other, "k,note,x,w\n1,hello,2,3\n", 23)); /* in any order, among others */
    succeeds(cadre_mixture_predict(m, other, keep, &a));
    assert_int_equal(a.count, 1);
    cadre_mixture_free(m);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_read_back_as_they_were),
        cmocka_unit_test(damaged_folders_are_refused),
        cmocka_unit_test(tables_with_other_columns_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
