/* idle_test.c - an option that was given but has no effect is noted; an option that has one, that
 * is switched off, or that a recipe has set, is not. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/small_run.h"

static char notes[8192];

/* The sizes of every small run include a dense width, which has no effect in most recipes. */
static void keep(void *arg, const char *sentence)
{
    const char *words = arg;
    if (!strncmp(sentence, "--dense-width", 13) && !strstr(words, "dense-width")) return;
    size_t used = strlen(notes);
    snprintf(notes + used, sizeof notes - used, "%s\n", sentence);
}

/* words: "option value option value ..." */
static cadre_status decide(const char *made_by, const char *words)
{
    char text[256], *rest = text;
    cadre_context *context;
    cadre_train_summary summary = { .size = sizeof summary };
    cadre_train_listener listener = {
        .size = sizeof listener, .note = keep, .arg = (void *)(uintptr_t)words
    };
    cadre_options *o = small_options(made_by);
    snprintf(text, sizeof text, "%s", words);
    for (char *name; (name = strsep(&rest, " "));) small_set(o, name, strsep(&rest, " "));
    small_set(o, "dry-run", "yes");
    notes[0] = 0;
    assert_int_equal(cadre_context_new(1, NULL, &context), CADRE_OK);
    cadre_status status = cadre_train(context, o, &listener, &summary);
    cadre_context_free(context);
    cadre_options_free(o);
    return status;
}

static void named(const char *made_by, const char *option, const char *words)
{
    char wanted[80];
    snprintf(wanted, sizeof wanted, "--%s has no effect: ", option);
    if (decide(made_by, words) != CADRE_OK) fail_msg("%s: %s", words, cadre_last_error());
    if (!strstr(notes, wanted))
        fail_msg("%s, %s: %s is not named in \"%s\"", made_by, words, option, notes);
}

static void silent(const char *made_by, const char *words)
{
    if (decide(made_by, words) != CADRE_OK) fail_msg("%s: %s", words, cadre_last_error());
    if (strstr(notes, "no effect")) fail_msg("%s, %s: %s", made_by, words, notes);
}

static void in_vain(void **state)
{
    (void)state;
    named("deepseek-v3", "kv-heads", "kv-heads 1");
    named("shazeer-2017", "heads", "heads 1");
    named("mixtral", "head-dim", "mixer lstm head-dim 8");
    named("olmoe", "q-lora-rank", "q-lora-rank 8");
    named("olmoe", "kv-lora-rank", "kv-lora-rank 8");
    named("mixtral", "qk-rope-head-dim", "qk-rope-head-dim 4");
    named("mixtral", "v-head-dim", "v-head-dim 4");
    named("gshard", "dense-layers", "dense-layers 1");
    named("mixtral", "dense-width", "dense-width 8");
    named("olmoe", "groups", "groups 4 groups-used 4");
    named("olmoe", "groups-used", "groups 4 groups-used 4");
    named("olmoe", "group-score", "group-score max");
    named("olmoe", "group-mask", "group-mask zero");
    named("mixtral", "norm-eps", "router softmax-bias renormalise no norm-eps 0.1");
    named("mixtral", "survivors", "survivors yes");
    named("mixtral", "survivors", "router softmax-bias renormalise no survivors yes");
    named("mixtral", "jitter-experts", "jitter-experts yes");
    named("mixtral", "capacity-factor", "capacity-factor 2 overflow none");
    named("mixtral", "capacity-factor", "capacity-factor 2 capacity-slots 3");
    named("mixtral", "capacity-slots", "capacity-slots 2 overflow none");
    named("mixtral", "capacity-in-eval", "capacity-in-eval yes");
    named("switch", "priority", "priority token overflow none");
    named("olmoe", "balance-loss", "balance-loss load aux-loss 0");
    named("olmoe", "balance-loss", "balance-loss device");
    named("olmoe", "aux-form", "aux-form mean aux-loss 0");
    named("olmoe", "balance-over", "balance-over step aux-loss 0");
    named("olmoe", "devices", "devices 4");
    named("olmoe", "devices-used", "devices 4 devices-used 2 balance-loss device");
    named("olmoe", "min-lr-ratio", "min-lr-ratio 0.2 schedule constant");
    named("olmoe", "balance-over", "balance-over step");
    named("qwen3-moe", "balance-over", "balance-over micro");
    named("olmoe", "router-lr", "router-lr 0.1 lr 0");
    named("olmoe", "router-lr", "router-lr 0.1 freeze router");
    named("olmoe", "router-lr", "router-lr 0.1 freeze attention,router=0-7");
    named("llama", "router-lr", "router-lr 0.1");
    named("switch", "noise-density", "noise-density 0.2");
    named("olmoe", "noise-span", "noise-span 4");
    named("olmoe", "no-decay", "no-decay norms weight-decay 0");
    named("olmoe", "validate-tokens", "validate-tokens 100");
    named("olmoe", "override", "override yes");
    named("olmoe", "allow-lookahead", "allow-lookahead yes");
}

/* In a model without experts no option of routing has an effect; other options are noted as
 * elsewhere. */
static void dense(void **state)
{
    (void)state;
    static const char *const given[][2] = { { "capacity-factor", "1" }, { "aux-loss", "0.1" },
        { "groups", "2" }, { "jitter", "0.1" }, { "z-loss", "0.1" }, { "estimator", "dense" },
        { "priority", "token" }, { "route-scale", "2" }, { "balance-over", "step" } };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        char words[80];
        snprintf(words, sizeof words, "%s %s", given[i][0], given[i][1]);
        named("llama", given[i][0], words);
    }
    named("llama", "momentum", "momentum 0.5");
    silent("llama", "jitter 0 aux-loss 0 beta1 0.8");
}

static void with_effect(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++) silent(recipe_name(i), "overflow none mixer attention");
    silent("deepseek-v3", "q-lora-rank 8 kv-lora-rank 8 dense-layers 1 norm-eps 0.1");
    silent("olmoe", "groups 4 groups-used 2 group-mask zero");
    silent("mixtral", "capacity-factor 1 priority token survivors yes capacity-in-eval yes");
    silent("olmoe", "balance-loss communication devices 4 devices-used 2");
    silent("olmoe", "balance-over step accumulate 2");
    silent("olmoe", "balance-over sequence");
    silent("deepseek-moe", "balance-over step aux-loss 0.01");
    silent("olmoe", "router-lr 0.1 freeze attention,router=0-6");
    silent("olmoe", "jitter 0.1 jitter-experts yes min-lr-ratio 0.2 router-lr 0.1");
    silent("gshard", "dense-width 8");
    silent("olmoe", "groups 1,4 group-mask zero");
    silent("mixtral", "capacity-slots 0,2 priority token");
    silent("switch-t5", "noise-density 0.2 noise-span 4");
    silent("mixtral", "jitter-experts no capacity-slots 0 devices 1 groups 1 bias-update-rate 0");
    silent("deepseek-v3", "bias-update-rate 0.01");
}

static void refused(void **state)
{
    (void)state;
    assert_int_equal(decide("olmoe", "bias-update-rate 0.01"), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "bias-update-rate"));
    assert_int_equal(decide("olmoe", "top-p 0.5"), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "top-p"));
    /* The recipe sets its own learning rate, for which there is no note. */
    assert_int_equal(decide("deepseek-v3", "router softmax"), CADRE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(in_vain), cmocka_unit_test(dense),
        cmocka_unit_test(with_effect), cmocka_unit_test(refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
