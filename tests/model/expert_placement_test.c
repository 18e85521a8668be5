/* expert_placement_test.c - ranks that hold experts by how much these were used, some of them more
 * than once, give the bits of one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "support/oracle.h"
#include "support/ranked.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { TOKENS = 24, PATH = 512 };

typedef struct question {
    char logits[PATH];
    int32_t tokens[TOKENS];
} question;

static cadre_status ask(cadre_model *model, void *arg)
{
    const question *q = arg;
    cadre_status status = cadre_logits(model, q->tokens, TOKENS, NULL, 0, q->logits);
    /* A token alone: an expert has one row, which one of its copies computes */
    char alone[PATH + 8];
    snprintf(alone, sizeof alone, "%s.one", q->logits);
    return status == CADRE_OK ? cadre_logits(model, q->tokens, 1, NULL, 0, alone) : status;
}

static bool same_files(const char *a, const char *b, const char *end)
{
    char path[2][PATH + 8];
    file_map x, y;
    snprintf(path[0], sizeof path[0], "%s%s", a, end);
    snprintf(path[1], sizeof path[1], "%s%s", b, end);
    succeeds(file_map_open(path[0], &x));
    succeeds(file_map_open(path[1], &y));
    bool same = x.size == y.size && !memcmp(x.data, y.data, x.size);
    file_map_close(&x);
    file_map_close(&y);
    return same;
}

static question question_of(const char *name)
{
    question q;
    snprintf(q.logits, sizeof q.logits, "%s", scratch_file(name));
    for (int32_t i = 0; i < TOKENS; i++) q.tokens[i] = (i * 37 + 5) % 60;
    return q;
}

/* How much the experts of the model are used: those in the middle most */
static cadre_status write_use(cadre_model *model, void *arg)
{
    cadre_model_info info = { .size = sizeof info };
    cadre_model_info_get(model, &info);
    FILE *file = fopen(arg, "w");
    assert_non_null(file);
    fprintf(file, "{\"cadre_expert_use\":1,\"tokens\":100,\"use\":[");
    for (int64_t l = 0; l < info.sparse_layers; l++) {
        fprintf(file, "%s[", l ? "," : "");
        for (int64_t e = 0; e < info.experts; e++)
            fprintf(file, "%s%d", e ? "," : "",
                e == info.experts / 2 ? 90 : (int)((e * 7 + l) % 11) + 1);
        fprintf(file, "]");
    }
    fprintf(file, "]}\n");
    fclose(file);
    return CADRE_OK;
}

static const ranked_case cases[] = { { 2, "expert=2", "balanced", 0 },
    { 2, "expert=2", "replicated", 0 }, { 2, "expert=2", "replicated", 5 },
    { 3, "expert=3", "balanced", 0 }, { 3, "expert=3", "replicated", 9 },
    { 4, "expert=2,tensor=2", "balanced", 0 }, { 4, "expert=2,tensor=2", "replicated", 3 },
    { 4, "expert=2,pipeline=2", "replicated", 2 }, { 2, "expert=2", "even", 0 } };

static void compare(const char *name)
{
    char use[PATH];
    const char *path = oracle_path(name);
    snprintf(use, sizeof use, "%s", scratch_file("use"));
    question one = question_of("one");
    assert_int_equal(ranked_run(path, 1, NULL, write_use, use).status, CADRE_OK);
    ranked_result r = ranked_run(path, 1, NULL, ask, &one);
    if (r.status != CADRE_OK) fail_msg("%s: %s", name, r.sentence);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ranked_case *c = &cases[i];
        const ranked_placement placed = { c->word, use, c->replicas };
        question q = question_of("many");
        r = ranked_run_placed(path, c->ranks, c->layout, &placed, ask, &q);
        if (r.status == CADRE_EARGUMENT && strstr(r.sentence, "--parallel: ")) continue;
        if (r.status != CADRE_OK) fail_msg("%s: %s: %s", name, c->layout, r.sentence);
        if (!same_files(one.logits, q.logits, "") || !same_files(one.logits, q.logits, ".one"))
            fail_msg("%s: %s, %s: other logits", name, c->layout, c->word);
    }
}

static void test_placements_change_no_bit(void **state)
{
    static const char *const models[] = { "models/olmoe", "models/mixtral", "models/deepseek_v3",
        "models/gpt_oss", "models/qwen2_moe" };
    int ran = 0;
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (oracle_has(models[i])) compare(models[i]), ran++;
    if (!ran) printf("SKIP: the small oracle has no model for it: placements\n");
}

static cadre_status nothing(cadre_model *model, void *arg)
{
    (void)model, (void)arg;
    return CADRE_OK;
}

static void placement_refused(
    int ranks, const char *layout, const ranked_placement *p, const char *sentence)
{
    ranked_result r =
        ranked_run_placed(oracle_path("models/olmoe"), ranks, layout, p, nothing, NULL);
    assert_int_equal(r.status, CADRE_EARGUMENT);
    if (!strstr(r.sentence, sentence)) fail_msg("%s", r.sentence);
}

static void test_refuses_what_cannot_be(void **state)
{
    const ranked_placement balanced = { "balanced", NULL, 0 }, other = { "odd", NULL, 0 };
    (void)state;
    if (!oracle_has("models/olmoe")) return;
    placement_refused(1, NULL, &balanced, "expected ranks that divide experts");
    placement_refused(2, "tensor=2", &balanced, "expected ranks that divide experts");
    placement_refused(2, "expert=2", &balanced, "expected to know how much experts are used");
    placement_refused(2, "expert=2", &other, "expected even, balanced or replicated, found 'odd'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placements_change_no_bit),
        cmocka_unit_test(test_refuses_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
