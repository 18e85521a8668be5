/* config_difference_test.c - every number of the function is compared, and nothing of a published
 * model is lost when its configuration is written and read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_fit.h"
#include "arch/recipe.h"
#include "base/file.h"
#include "base/memory.h"
#include "support/oracle.h"
#include "support/small_run.h"
#include "weights/config_file.h"

static model_config config_with(const char *recipe_name, const char *option, const char *value)
{
    model_config c;
    char *notes;
    const recipe *r = recipe_by_name(recipe_name);
    cadre_options *o = small_options(recipe_name);
    if (option) small_set(o, option, value);
    assert_int_equal(recipe_apply(r, o), CADRE_OK);
    if (recipe_config(r, o, 64, &c, &notes) != CADRE_OK) fail_msg("%s", cadre_last_error());
    mem_free(notes);
    cadre_options_free(o);
    return c;
}

/* An option changes the function, which the comparison names. */
static void differs(const char *recipe_name, const char *option, const char *value)
{
    model_config plain = config_with(recipe_name, NULL, NULL);
    model_config other = config_with(recipe_name, option, value);
    const char *name = model_config_difference(&plain, &other);
    if (!name || strcmp(name, option) != 0)
        fail_msg("%s --%s %s: found to differ in %s", recipe_name, option, value,
            name ? name : "nothing");
    assert_null(model_config_difference(&other, &other));
    model_config_free(&plain);
    model_config_free(&other);
}

static void options_of_the_function(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        { "olmoe", "route-scale", "3" },
        { "mixtral", "experts", "4" },
        { "mixtral", "topk", "3" },
        { "qwen3-moe", "expert-width", "20" },
        { "olmoe", "expert-form", "geglu" },
        { "gshard", "dense-width", "12" },
        { "mixtral", "tie", "yes" },
        { "mixtral", "kv-heads", "1" },
        { "deepseek-moe", "shared-experts", "3" },
        { "deepseek-v3", "v-head-dim", "6" },
        { "deepseek-v3", "q-lora-rank", "6" },
        { "deepseek-v3", "groups", "2" },
        { "deepseek-v3", "norm-eps", "0.1" },
        { "mixtral", "router", "softmax" },
        { "deepseek-v3", "head-dim", "12" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        differs(cases[i][0], cases[i][1], cases[i][2]);
}

/* What only training reads makes no other function. */
static void options_of_training(void **state)
{
    (void)state;
    static const char *const options[][2] = { { "jitter", "0.1" }, { "aux-loss", "0.5" },
        { "capacity-factor", "0.5" }, { "expert-dropout", "0.2" }, { "z-loss", "0.1" },
        { "lr", "0.5" } };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        model_config plain = config_with("olmoe", NULL, NULL);
        model_config other = config_with("olmoe", options[i][0], options[i][1]);
        if (model_config_difference(&plain, &other)) fail_msg("--%s", options[i][0]);
        model_config_free(&plain);
        model_config_free(&other);
    }
}

static void check_model(const char *path)
{
    model_config c;
    const char *lost;
    if (model_config_of(path, &c) != CADRE_OK) fail_msg("%s", cadre_last_error());
    if (architecture_loses(c.arch, &c, &lost) != CADRE_OK)
        fail_msg("%s: %s", path, cadre_last_error());
    if (lost) fail_msg("%s: config.json would lose %s", path, lost);
    model_config_free(&c);
}

static void published_models_are_kept(void **state)
{
    (void)state;
    const char *folder = oracle_path("models");
    char top[4096], path[8192], **names;
    int count, read = 0;
    if (!folder) return;
    snprintf(top, sizeof top, "%s", folder);
    assert_int_equal(file_list(top, &names, &count), CADRE_OK);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s/config.json", top, names[i]);
        if (!file_exists(path)) continue;
        snprintf(path, sizeof path, "%s/%s", top, names[i]);
        check_model(path);
        read++;
    }
    file_list_free(names, count);
    assert_true(read > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_the_function),
        cmocka_unit_test(options_of_training),
        cmocka_unit_test(published_models_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
