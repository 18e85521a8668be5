/* describe_test.c - what a dry run tells: the settings in force, wherever they come from, and the
 * run's length. */
#include "train/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include <cmocka.h>

#include "support/small_run.h"

static char told[8192];

static void keep(void *arg, const char *name, const char *value)
{
    (void)arg;
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "\n%s=%s\n", name, value);
}

static void dry(const char *made_by, const char *const more[][2])
{
    cadre_context *context;
    cadre_train_summary summary = { .size = sizeof summary };
    const cadre_train_listener listener = { .size = sizeof listener, .fact = keep };
    cadre_options *o = small_options(made_by);
    for (; (*more)[0]; more++) small_set(o, (*more)[0], (*more)[1]);
    small_set(o, "dry-run", "yes");
    told[0] = 0;
    assert_int_equal(cadre_context_new(1, NULL, &context), CADRE_OK);
    if (cadre_train(context, o, &listener, &summary) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    cadre_context_free(context);
    cadre_options_free(o);
}

static void expect(const char *fact)
{
    char line[256];
    snprintf(line, sizeof line, "\n%s\n", fact);
    if (!strstr(told, line)) fail_msg("\"%s\" is not among\n%s", fact, told);
}

static double value_of(const char *name)
{
    char line[64];
    snprintf(line, sizeof line, "\n%s=", name);
    const char *at = strstr(told, line);
    if (!at) fail_msg("%s is not told", name);
    return strtod(at + strlen(line), NULL);
}

static void numbers_in_force(void **state)
{
    (void)state;
    dry("switch", (const char *const[][2]){ { "capacity-in-eval", "yes" }, { NULL, NULL } });
    expect("router=softmax"), expect("topk=1"), expect("capacity-factor=1.25");
    expect("priority=token"), expect("capacity-in-eval=yes"), expect("jitter=0.01");
    expect("balancing=load, coefficient 0.01, over micro, layer");
    dry("deepseek-v3", (const char *const[][2]){ { "experts", "32,32" }, { NULL, NULL } });
    expect("groups=8"), expect("route-scale=2.5"),
        expect("balancing=correction bias, 0.001 a step");
    expect("dense-width=24"), expect("sparse-layers=1"), expect("no-decay=norms,biases,router");
    dry("mixtral", (const char *const[][2]){ { "experts", "4,8" }, { "topk", "1,2" },
                       { "aux-loss", "0" }, { "router-lr", "0.004" }, { NULL, NULL } });
    expect("experts=4,8"), expect("topk=1,2"), expect("balancing=none"), expect("router-lr=0.004");
    dry("mixtral",
        (const char *const[][2]){ { "groups", "2,4" }, { "route-scale", "1,2" }, { NULL, NULL } });
    expect("groups=2,4"), expect("groups-used=1,2"), expect("route-scale=1,2");
}

static void length_and_rate(void **state)
{
    (void)state;
    dry("olmoe", (const char *const[][2]){ { "steps", "300" }, { NULL, NULL } });
    expect("tokens-per-step=64"), expect("steps=300"), expect("tokens=19200"), expect("warmup=30");
    double seconds = 19200 / value_of("tokens-per-second");
    assert_true(value_of("tokens-per-second") > 0);
    assert_true(fabs(value_of("seconds") - seconds) <= 0.06 + 0.05 * seconds);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(numbers_in_force),
        cmocka_unit_test(length_and_rate) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
