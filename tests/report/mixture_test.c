/* mixture_test.c - pages of mixtures of every kind: well-formed, with their pictures; names of
 * columns cannot break out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/markup.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static const char one_input[] = "x,y\n0,0\n1,1\n2,5\n3,2\n4,8\n5,3\n";
static const char two_inputs[] =
    "<i>x & \"more\"</i>,w,y,k\n0,1,0,0\n1,3,1,1\n2,0,5,0\n3,2,2,1\n4,1,8,1\n5,5,3,0\n";

/* The page of a mixture fitted on a table with "name=value" options; mem_free. */
static char *page_of(const char *table, const char *const *set)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_mixture_options() };
    const char *data = scratch_file("t.csv"), *out = scratch_file("t.html");
    const char *folder = scratch_file("mixture");
    char *file = file_join(folder, "mixture.safetensors"), *page;
    cadre_options *o;
    cadre_mixture *m;
    size_t size;
    succeeds(file_write(data, table, strlen(table)));
    succeeds(cadre_options_new(tables, 2, &o));
    succeeds(cadre_options_set(o, "out", folder));
    for (; *set; set++) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*set, "="), *set);
        succeeds(cadre_options_set(o, name, strchr(*set, '=') + 1));
    }
    succeeds(cadre_mixture_fit(data, o, NULL, NULL, &m));
    succeeds(cadre_report_write(folder, out));
    succeeds(file_read(out, 64 << 20, &page, &size));
    markup found;
    if (!markup_check(&found, page)) fail_msg("%s", found.complaint);
    succeeds(file_remove(file));
    file_remove_folder(folder);
    cadre_mixture_free(m);
    cadre_options_free(o);
    mem_free(file);
    return page;
}

static void expect(
    const char *table, const char *const *set, const char *const *holds, const char *const *lacks)
{
    char *page = page_of(table, set);
    for (; *holds; holds++)
        if (!strstr(page, *holds)) fail_msg("the page lacks \"%s\"", *holds);
    for (; *lacks; lacks++)
        if (strstr(page, *lacks)) fail_msg("the page holds \"%s\"", *lacks);
    mem_free(page);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void one_input_has_gates_and_answers(void **state)
{
    (void)state;
    expect(one_input, WORDS("target=y", "iterations=5"),
        WORDS("data-name=\"gate-layer-0\"", "data-name=\"answers-layer-0\"",
            "data-name=\"expert 1\"",
            "2 linear experts, fitted by expectation-maximisation: y from x.", "variance"),
        WORDS("data-name=\"map\""));
}

static void two_inputs_have_a_map_and_escaped_names(void **state)
{
    (void)state;
    expect(two_inputs, WORDS("target=y", "levels=2,2", "iterations=5"),
        WORDS("data-name=\"map\"", "data-name=\"gate-layer-1\"", "expert 1.1", "&lt;i&gt;x &amp; "),
        WORDS("<i>x", "data-name=\"answers"));
}

static void other_kinds_are_drawn(void **state)
{
    (void)state;
    expect(two_inputs, WORDS("target=k", "classify=yes", "experts=3", "iterations=2"),
        WORDS("data-name=\"map\""), WORDS(">variance<"));
    expect(two_inputs,
        WORDS("target=y,k", "method=cooperative", "gates=task", "iterations=0", "sample=0"),
        WORDS("with a gate for each target", "<b>for k</b>"),
        WORDS("data-name=\"log-likelihood\""));
    expect(one_input,
        WORDS("target=y", "method=gradient", "expert=mlp", "experts=6", "iterations=1"),
        WORDS("small-network experts"), WORDS(">nan<", ">inf<"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_input_has_gates_and_answers),
        cmocka_unit_test(two_inputs_have_a_map_and_escaped_names),
        cmocka_unit_test(other_kinds_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
