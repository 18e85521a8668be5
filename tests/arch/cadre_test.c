/* cadre_test.c - cadre's own config.json: every choice by name, what differs between layers as one
 * item a layer, and what it does not know refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_json.h"
#include "support/family.h"
#include "support/succeeds.h"

/* Read, with that part in what is written of it (NULL: nothing of the kind), and read again. */
static model_config kept(const char *members, const char *part, const char *never)
{
    model_config c = family_config("cadre", members), back;
    const char *text = family_written(&c);
    if (part && !strstr(text, part)) fail_msg("%s is not in %s", part, text);
    if (never && strstr(text, never)) fail_msg("%s is in %s", never, text);
    succeeds(model_config_parse("config.json", text, strlen(text), &back));
    model_config_free(&c);
    return back;
}

/* ---- numbers of routing ---- */

static void numbers_of_a_router(void **state)
{
    (void)state;
    model_config c =
        kept("\"router\": \"top-p\", \"router_top_p\": 0.6", "\"router_top_p\": 0.6", NULL);
    assert_true(c.own_route && c.route.top_p == REAL_C(0.6));
    model_config_free(&c);
    c = kept("\"router\": \"top-p\"", "\"router_top_p\": 0.4", "router_norm_eps");
    assert_true(c.route.top_p == REAL_C(0.4));
    model_config_free(&c);
    c = kept("\"router\": \"softmax-bias\", \"renormalise\": false, \"router_norm_eps\": 0.001, "
             "\"renormalise_survivors\": true",
        "\"renormalise\": false, \"renormalise_survivors\": true, \"router_norm_eps\": 0.001",
        NULL);
    assert_true(
        !c.route.renormalise && c.route.renormalise_kept && c.route.norm_eps == REAL_C(0.001));
    model_config_free(&c);
    c = kept("\"router\": \"softmax-bias\"",
        "\"renormalise\": false, \"renormalise_survivors\": false", "router_top_p");
    assert_true(!c.route.renormalise && c.route.norm_eps == REAL_C(1e-12));
    model_config_free(&c);
    c = kept("", "\"router\": \"softmax\"", "renormalise");
    model_config_free(&c);
}

/* Which of them counts, and with what the others compete, where not all are used. */
static void groups_of_a_router(void **state)
{
    (void)state;
    model_config c = kept("\"router\": \"sigmoid-bias\", \"n_group\": 4, \"topk_group\": 2, "
                          "\"group_score\": \"max\", \"group_mask\": \"zero\"",
        "\"group_score\": \"max\", \"group_mask\": \"zero\"", NULL);
    assert_true(c.route.group_score == GROUP_MAX && c.route.group_mask == GROUP_MASK_ZERO);
    model_config_free(&c);
    c = kept("\"router\": \"sigmoid-bias\", \"n_group\": 4, \"topk_group\": 2",
        "\"group_score\": \"top2\", \"group_mask\": \"inf\"", NULL);
    assert_true(c.route.group_score == GROUP_TOP2 && c.route.group_mask == GROUP_MASK_INF);
    model_config_free(&c);
    c = kept("\"router\": \"sigmoid-bias\", \"n_group\": 4, \"topk_group\": 4", "\"n_group\": 4",
        "group_score");
    model_config_free(&c);
}

static void a_limit_outside_of_training(void **state)
{
    (void)state;
    model_config c = kept("\"capacity\": {\"factor\": 1.25}",
        "\"capacity\": {\"factor\": 1.25, \"overflow\": \"drop\", \"priority\": \"choice\"}",
        "slots");
    assert_true(c.capacity.in_eval && c.capacity.factor == REAL_C(1.25) && !c.capacity.slots &&
                c.capacity.overflow == OVERFLOW_DROP && c.capacity.priority == PRIORITY_CHOICE);
    model_config_free(&c);
    c = kept("\"capacity\": {\"slots\": 5, \"overflow\": \"reroute\", \"priority\": \"token\"}",
        "\"capacity\": {\"slots\": 5, \"overflow\": \"reroute\", \"priority\": \"token\"}",
        "factor\": 0");
    assert_true(c.capacity.slots == 5 && c.capacity.overflow == OVERFLOW_REROUTE &&
                c.capacity.priority == PRIORITY_TOKEN);
    const dispatch_options *limits = &c.layer[1].moe.dispatch;
    assert_true(limits->in_eval && limits->slots == 5);
    model_config_free(&c);
    c = kept("\"capacity\": null", NULL, "capacity");
    assert_false(c.capacity.in_eval);
    model_config_free(&c);
}

/* ---- words ---- */

static void norms_and_forms(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        qk_norm norm;
    } norms[] = { { "none", QK_NORM_NONE }, { "head", QK_NORM_HEAD }, { "full", QK_NORM_FULL } };
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
        char member[64];
        snprintf(member, sizeof member, "\"qk_norm\": \"%s\"", norms[i].word);
        model_config c = kept(member, member, NULL);
        assert_int_equal(c.layer[0].mixer.qk_norm, norms[i].norm);
        model_config_free(&c);
    }
    model_config c = kept("\"expert_form\": \"geglu\"", "\"expert_form\": \"geglu\"", NULL);
    assert_string_equal(c.expert_form, "geglu");
    model_config_free(&c);
}

static void layers_that_differ(void **state)
{
    (void)state;
#define LIST                                                                                       \
    "\"sparse_layers\": [{\"experts\": 4, \"topk\": 1, \"expert_width\": 5}, null, "               \
    "{\"experts\": 6, \"topk\": 3, \"expert_width\": 9}]"
    model_config c = kept(LIST, LIST, NULL);
    assert_true(c.layer[0].sparse && c.layer[0].moe.experts == 4 &&
                c.layer[0].moe.route.topk == 1 && c.layer[0].moe.hidden == 5);
    assert_false(c.layer[1].sparse);
    assert_true(c.layer[2].sparse && c.layer[2].moe.experts == 6 &&
                c.layer[2].moe.route.topk == 3 && c.layer[2].moe.hidden == 9);
    model_config_free(&c);
}

/* A layer's router, form, capacity and choices, in place of the model's */
static void layers_with_words_of_their_own(void **state)
{
    (void)state;
#define OWN                                                                                        \
    "\"sparse_layers\": [{\"experts\": 4, \"topk\": 1, \"expert_width\": 5, \"router\": "          \
    "\"hash\", "                                                                                   \
    "\"expert_form\": \"relu\", \"capacity\": {\"factor\": 2.0, \"overflow\": \"reroute\", "       \
    "\"priority\": \"token\"}, \"router_score\": \"sigmoid\"}, "                                   \
    "{\"dense_width\": 7, \"expert_form\": \"gelu\"}, "                                            \
    "{\"experts\": 6, \"topk\": 3, \"expert_width\": 9, \"router\": \"softmax-bias\", "            \
    "\"capacity\": null, \"routed_scaling_factor\": 2.5, \"renormalise\": true}]"
    model_config c = kept(
        "\"router\": \"softmax\", \"expert_form\": \"swiglu\", \"routed_scaling_factor\": 1.5, "
        "\"capacity\": {\"slots\": 5}, " OWN,
        OWN, NULL);
    const moe_config *first = &c.layer[0].moe, *last = &c.layer[2].moe;
    assert_string_equal(first->router->name, "hash");
    assert_string_equal(first->form, "relu");
    assert_true(first->route.score == SCORE_SIGMOID && first->route.scale == REAL_C(1.5));
    assert_true(first->dispatch.in_eval && first->dispatch.factor == 2 &&
                first->dispatch.overflow == OVERFLOW_REROUTE &&
                first->dispatch.priority == PRIORITY_TOKEN && !first->dispatch.slots);
    assert_string_equal(layer_form_name(&c, &c.layer[1]), "gelu");
    assert_true(!c.layer[1].sparse && c.layer[1].dense_width == 7);
    assert_string_equal(last->router->name, "softmax-bias");
    assert_string_equal(last->form, c.expert_form);
    assert_true(last->route.renormalise && last->route.norm_eps == REAL_C(1e-12) &&
                last->route.scale == REAL_C(2.5));
    assert_true(!last->dispatch.in_eval && last->dispatch.overflow == OVERFLOW_NONE);
    model_config_free(&c);
}

/* ---- what is refused ---- */

static void what_it_does_not_know(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        cadre_status status;
        const char *phrase;
    } cases[] = {
        { "\"router\": \"hashed\"", CADRE_EUNSUPPORTED,
            "config.json: router: expected the name of a router, found \"hashed\"" },
        { "\"expert_form\": \"tanh\"", CADRE_EUNSUPPORTED,
            "config.json: expert_form: expected the name of an activation, found \"tanh\"" },
        { "\"qk_norm\": \"rows\"", CADRE_EUNSUPPORTED,
            "config.json: qk_norm: expected none, head or full, found \"rows\"" },
        { "\"router\": \"softmax\", \"expert_form\": \"swiglu\", \"sparse_layers\": [null, null, "
          "{\"router\": \"hashed\"}]",
            CADRE_EUNSUPPORTED, "router: expected the name of a router, found \"hashed\"" },
        { "\"router\": \"softmax\", \"expert_form\": \"swiglu\", \"sparse_layers\": [null, null, "
          "{\"expert_form\": \"tanh\"}]",
            CADRE_EUNSUPPORTED, "expert_form: expected the name of an activation, found \"tanh\"" },
        { "\"router\": \"softmax\", \"expert_form\": \"swiglu\", \"sparse_layers\": [null, null, "
          "{\"router\": 5}]",
            CADRE_EFORMAT, "sparse_layers[2].router: expected a string" },
        { "\"sparse_layers\": [null, null]", CADRE_EFORMAT,
            "sparse_layers: expected one item for each of the 3 layers" },
        { "\"sparse_layers\": [null, null, 7]", CADRE_EFORMAT,
            "sparse_layers[2]: expected an object, found 7" },
        { "\"sparse_layers\": [null, null, {\"experts\": 4, \"topk\": 5, \"expert_width\": 1}]",
            CADRE_EFORMAT, "sparse_layers[2].topk: expected an integer in 1..4, found 5" },
        { "\"sparse_layers\": [null, null, {\"experts\": 4097, \"topk\": 5, \"expert_width\": 1}]",
            CADRE_EFORMAT, "sparse_layers[2].experts: expected an integer in 1..4096, found 4097" },
        { "\"sparse_layers\": [null, null, {\"experts\": 4, \"topk\": 2, \"expert_width\": 0}]",
            CADRE_EFORMAT, "sparse_layers[2].expert_width: expected an integer in 1..1048576" },
        { "\"group_score\": \"best\"", CADRE_EFORMAT,
            "group_score: expected a word that --group-score of `cadre help train` takes, found "
            "\"best\"" },
        { "\"router_top_p\": 1.5", CADRE_EFORMAT,
            "router_top_p: expected a number in 0..1, found 1.5" },
        { "\"router_norm_eps\": -1", CADRE_EFORMAT, "router_norm_eps: expected a number in 0..1" },
        { "\"capacity\": {}", CADRE_EFORMAT,
            "capacity: expected a factor or slots of more than 0" },
        { "\"capacity\": {\"factor\": 0, \"slots\": 0}", CADRE_EFORMAT,
            "capacity: expected a factor or slots of more than 0" },
        { "\"capacity\": {\"factor\": 65537}", CADRE_EFORMAT,
            "capacity.factor: expected a number in 0..65536" },
        { "\"capacity\": {\"factor\": 1, \"overflow\": \"spill\"}", CADRE_EFORMAT,
            "capacity.overflow: expected a word that --overflow" },
        { "\"capacity\": {\"factor\": 1, \"priority\": \"last\"}", CADRE_EFORMAT,
            "capacity.priority: expected a word that --priority" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        refuses(family_read("cadre", cases[i].members, NULL, &c), cases[i].status, cases[i].phrase);
    }
    static const char *const needed[] = { "router", "expert_form", "sparse_layers" };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        model_config c;
        refuses(family_read("cadre", NULL, needed[i], &c), CADRE_EFORMAT, needed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_a_router),
        cmocka_unit_test(groups_of_a_router),
        cmocka_unit_test(a_limit_outside_of_training),
        cmocka_unit_test(norms_and_forms),
        cmocka_unit_test(layers_that_differ),
        cmocka_unit_test(layers_with_words_of_their_own),
        cmocka_unit_test(what_it_does_not_know),
    };
    return cmocka_run_group_tests_name("cadre's own configuration", tests, NULL, NULL);
}
