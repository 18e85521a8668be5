/* fit_test.c - a fit for which there is no memory, at whatever point, says so and leaves no file;
 * one that is stopped does the same. */
#include "mixture/fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "mixture/folder.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static const char table_text[] = "x,w,y\n0,1,0\n1,3,1\n2,0,5\n3,2,2\n4,1,8\n5,5,3\n";

static cadre_options *options_for(const char *method, const char *folder)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_mixture_options() };
    cadre_options *o;
    succeeds(cadre_options_new(tables, 2, &o));
    succeeds(cadre_options_set(o, "target", "y"));
    succeeds(cadre_options_set(o, "method", method));
    succeeds(cadre_options_set(o, "iterations", "3"));
    succeeds(cadre_options_set(o, "out", folder));
    succeeds(cadre_options_set(o, "trace", scratch_file("trace")));
    return o;
}

static const char *data(void)
{
    const char *path = scratch_file("t.csv");
    succeeds(file_write(path, table_text, sizeof table_text - 1));
    return path;
}

static void remove_folder(const char *folder)
{
    char *file = file_join(folder, "mixture.safetensors");
    succeeds(file_remove(file));
    file_remove_folder(folder);
    mem_free(file);
}

static void starve(const char *method)
{
    const char *path = data(), *folder = scratch_file("mixture");
    cadre_options *o = options_for(method, folder);
    cadre_mixture *m = NULL;
    int64_t before = mem_balance();
    long refused = 0;
    for (cadre_status status = CADRE_ENOMEM; status != CADRE_OK; refused++) {
        mem_fail_at(refused + 1, true);
        status = cadre_mixture_fit(path, o, NULL, NULL, &m);
        mem_fail_at(0, false);
        if (status == CADRE_OK) break;
        assert_int_equal(status, CADRE_ENOMEM);
        assert_false(mixture_folder_is(folder));
        assert_true(mem_balance() == before);
    }
    assert_true(refused > 20);
    cadre_mixture_free(m);
    assert_true(mem_balance() == before);
    cadre_options_free(o);
    remove_folder(folder);
}

static void a_want_of_memory_leaves_nothing(void **state)
{
    (void)state;
    starve("em");
    starve("cooperative");
}

static void stop(void *arg, const cadre_mixture_progress *p)
{
    *(int64_t *)arg = p->iteration;
    if (p->iteration == 1) cadre_interrupt();
}

static void a_request_to_stop_is_heard(void **state)
{
    (void)state;
    const char *path = data(), *folder = scratch_file("mixture");
    cadre_options *o = options_for("em", folder);
    cadre_mixture *m;
    int64_t last;
    cadre_status status = cadre_mixture_fit(path, o, stop, &last, &m);
    cadre_interrupt_clear();
    assert_int_equal(status, CADRE_EINTERRUPTED);
    assert_int_equal(last, 1);
    assert_false(mixture_folder_is(folder));
    cadre_options_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_want_of_memory_leaves_nothing),
        cmocka_unit_test(a_request_to_stop_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
