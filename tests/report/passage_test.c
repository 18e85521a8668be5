/* passage_test.c - tokens of a passage: the heaviest expert first, long ones cut at a character,
 * all counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/passage.h"

static shape_layer layer[] = { { .experts = 8, .picks = 3 },
    { .experts = 4, .picks = 1, .first_expert = 8, .first_pick = 3 } };
static const model_shape shape = { .layers = 2, .experts = 12, .picks = 4, .layer = layer };

static void add(passage *p, const char *token)
{
    json_document *document;
    assert_int_equal(json_parse("token", token, strlen(token), &document), CADRE_OK);
    json_node root = json_root(document);
    assert_int_equal(passage_add(p, &root, &shape), CADRE_OK);
    json_close(document);
}

static void assert_picks(const passage *p, const int *expected)
{
    for (int i = 0; i < 4; i++) assert_int_equal(p->expert[p->latest * 4 + i], expected[i]);
}

static void heaviest_first(void **state)
{
    (void)state;
    passage p = { 0 };
    add(&p, "{\"text\":\"a\",\"experts\":[[1,4,6],[3]],\"weights\":[[0.2,0.5,0.3],[1]]}");
    assert_picks(&p, (int[]){ 4, 6, 1, 3 });
    assert_true(p.weight[0] == 0.5f && p.weight[2] == 0.2f);
    add(&p, "{\"text\":\"b\",\"experts\":[[-1,5],[]],\"weights\":[[0,0],[]],\"prompt\":true}");
    assert_picks(&p, (int[]){ 5, -1, -1, -1 });
    add(&p, "{\"text\":\"c\",\"experts\":[[7,2,5],[0]]}"); /* no weights: as they are */
    assert_picks(&p, (int[]){ 7, 2, 5, 0 });
    assert_true(!p.prompt[0] && p.prompt[1] && !p.prompt[2]);
    assert_int_equal(passage_first(&p, &shape, 1, 1), -1);
    assert_string_equal(p.text.data + p.begin[2], "c");
    passage_free(&p);
}

static void long_token(void **state)
{
    (void)state;
    passage p = { 0 };
    char token[1200] = "{\"experts\":[[0],[0]],\"text\":\"";
    for (int i = 0; i < 300; i++) strcat(token, "本");
    strcat(token, "\"}");
    add(&p, token);
    assert_int_equal(strlen(p.text.data), PASSAGE_TOKEN_BYTES / 3 * 3);
    passage_free(&p);
}

static void long_passage(void **state)
{
    (void)state;
    passage p = { 0 };
    char token[80];
    for (int i = 0; i < PASSAGE_TOKENS + 40; i++) {
        snprintf(token, sizeof token, "{\"text\":\"%d\",\"experts\":[[%d],[%d]]}", i, i % 8, i % 4);
        add(&p, token);
        assert_int_equal(p.expert[p.latest * 4], i % 8);
    }
    assert_int_equal(p.tokens, PASSAGE_TOKENS);
    assert_int_equal(p.whole, PASSAGE_TOKENS + 40);
    assert_string_equal(p.text.data + p.begin[PASSAGE_TOKENS - 1], "639");
    passage_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(heaviest_first),
        cmocka_unit_test(long_token), cmocka_unit_test(long_passage) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
