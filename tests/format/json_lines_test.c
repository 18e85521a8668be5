/* json_lines_test.c - a file of JSON lines, whole, blank, broken off and spoilt; and the shapes and
 * pairs that such lines hold. */
#include "format/json_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "report/pairs.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static const char *path;

static void open_over(json_lines *lines, const char *text)
{
    path = scratch_file("lines.jsonl");
    succeeds(file_write(path, text, strlen(text)));
    succeeds(lines_open(path, lines));
}

/* The numbers of the lines that are left, each an array of one. */
static void reads(json_lines *lines, const char *expected)
{
    char found[64] = "";
    for (json_document *document;;) {
        succeeds(lines_next(lines, &document));
        if (!document) break;
        json_node root = json_root(document), item = json_item(&root, 0);
        int64_t value;
        succeeds(json_as_int(&item, 0, 9, &value));
        sprintf(found + strlen(found), "%lld@%lld ", (long long)value, (long long)lines->line);
        json_close(document);
    }
    assert_string_equal(found, expected);
}

static void blank_lines_are_passed_over(void **state)
{
    (void)state;
    json_lines lines;
    open_over(&lines, "[1]\n\n \t\r\n[2]\r\n[3]");
    reads(&lines, "1@1 2@4 3@5 ");
    reads(&lines, "");
    lines_close(&lines);
    open_over(&lines, "");
    reads(&lines, "");
    lines_close(&lines);
}

static void a_last_line_that_breaks_off_is_not_there_yet(void **state)
{
    (void)state;
    json_lines lines;
    open_over(&lines, "[1]\n[2");
    reads(&lines, "1@1 ");
    lines_close(&lines);
    json_document *document;
    open_over(&lines, "[1]\n[2\n");
    succeeds(lines_next(&lines, &document));
    json_close(document);
    refuses(lines_next(&lines, &document), CADRE_EFORMAT, "lines.jsonl:2: expected ");
    lines_close(&lines);
}

static void the_last_whole_line_is_found_from_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value; /* -1: none */
    } files[] = { { "[1]\n[2]\n[3]\n", 3 }, { "[1]\n[2]", 2 }, { "[1]\n[2]\n[3", 2 },
        { "[1]\n\n \n", 1 }, { "[5]", 5 }, { "[1", -1 }, { "", -1 }, { "\n \n", -1 } };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        json_lines lines;
        json_document *document;
        int64_t value = -1;
        open_over(&lines, files[i].text);
        succeeds(lines_last(&lines, &document));
        if (document) {
            json_node root = json_root(document), item = json_item(&root, 0);
            succeeds(json_as_int(&item, 0, 9, &value));
            json_close(document);
        }
        assert_int_equal(value, files[i].value);
        assert_true(lines.at == 0 && lines.line == 0); /* back to the start */
        lines_close(&lines);
    }
}

static void a_spoilt_last_line_is_refused_by_its_number(void **state)
{
    (void)state;
    json_lines lines;
    json_document *document;
    open_over(&lines, "[1]\n\n[2}\n");
    refuses(lines_last(&lines, &document), CADRE_EFORMAT, "lines.jsonl:3: expected ");
    lines_close(&lines);
}

/* ---- shapes ---- */

static cadre_status shape_of(const char *json, model_shape *shape)
{
    json_document *document;
    succeeds(json_parse("run.json", json, strlen(json), &document));
    json_node root = json_root(document);
    cadre_status status = shape_read(&root, shape);
    json_close(document);
    return status;
}

static void layers_lie_one_after_another(void **state)
{
    (void)state;
    model_shape shape;
    succeeds(shape_of("[{\"layer\":1,\"experts\":8,\"topk\":2},{\"layer\":3,\"experts\":4,"
                      "\"topk\":4},{\"layer\":4,\"experts\":1,\"topk\":1}]",
        &shape));
    assert_int_equal(shape.layers, 3);
    assert_int_equal(shape.experts, 13);
    assert_int_equal(shape.picks, 7);
    assert_true(shape.layer[1].number == 3 && shape.layer[1].experts == 4);
    assert_true(shape.layer[1].first_expert == 8 && shape.layer[1].first_pick == 2);
    assert_true(shape.layer[2].first_expert == 12 && shape.layer[2].first_pick == 6);
    shape_free(&shape);
    assert_true(!shape.layer && shape.layers == 0);
}

static void spoilt_shapes_are_refused_by_key(void **state)
{
    (void)state;
    static const struct {
        const char *json, *phrase;
    } bad[] = { { "[{\"layer\":-1,\"experts\":8,\"topk\":2}]",
                    "[0].layer: expected an integer in 0.." },
        { "[{\"layer\":0,\"experts\":0,\"topk\":1}]",
            "[0].experts: expected an integer in 1..4096" },
        { "[{\"layer\":0,\"experts\":4097,\"topk\":1}]", "[0].experts: expected " },
        { "[{\"layer\":0,\"experts\":4,\"topk\":5}]",
            "[0].topk: expected an integer in 1..4, found 5" },
        { "[{\"layer\":0,\"experts\":1000,\"topk\":513}]",
            "[0].topk: expected an integer in 1..512, found 513" },
        { "[{\"layer\":0,\"experts\":4}]", "[0].topk: expected an integer in 1..4, found nothing" },
        { "[3]", "[0]: expected an object" } };
    int64_t before = mem_balance();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        model_shape shape;
        refuses(shape_of(bad[i].json, &shape), CADRE_EFORMAT, bad[i].phrase);
    }
    assert_int_equal(mem_balance(), before);
}

static void all_layers_together_are_bounded(void **state)
{
    (void)state;
    for (int many = 0; many < 2; many++)
        for (int layers = 16 * (1 + many); layers <= 16 * (1 + many) + 1; layers++) {
            char json[4000] = "[";
            model_shape shape;
            for (int i = 0; i < layers; i++)
                sprintf(json + strlen(json), "%s{\"layer\":%d,\"experts\":%d,\"topk\":%d}",
                    i ? "," : "", i, many ? 64 : 4096, many ? 64 : 1);
            strcat(json, "]");
            cadre_status status = shape_of(json, &shape);
            assert_int_equal(status, layers % 16 ? CADRE_EFORMAT : CADRE_OK);
            if (status == CADRE_OK) shape_free(&shape);
            else
                assert_non_null(strstr(cadre_last_error(),
                    many ? "at most 2048 picks in all layers" : "at most 65536 experts in all"));
        }
}

/* ---- pairs ---- */

static void pairs_are_the_same_both_ways(void **state)
{
    (void)state;
    static const char lists[] = "[[],[5],[7,0]]";
    shape_layer layer[] = { { .experts = 3, .picks = 2 } };
    const model_shape shape = { .layers = 1, .experts = 3, .picks = 2, .layer = layer };
    static const int32_t expected[] = { 0, 5, 7, 5, 0, 0, 7, 0, 0 };
    int64_t before = mem_balance();
    json_document *document;
    expert_pairs p;
    succeeds(expert_pairs_make(&shape, &p));
    succeeds(json_parse("a.json", lists, strlen(lists), &document));
    json_node root = json_root(document);
    succeeds(expert_pairs_read(&root, &shape, 0, &p));
    assert_memory_equal(p.count[0], expected, sizeof expected);
    json_close(document);
    static const struct {
        const char *json, *phrase;
    } bad[] = { { "[[],[5]]", "expected 3 lists, one an expert" },
        { "[[],[5],[7]]", "[2]: expected 2 counts, one an earlier expert" },
        { "[[1],[5],[7,0]]", "[0]: expected 0 counts, one an earlier expert" },
        { "[[],[5],[7,-1]]", "[2][1]: expected an integer in 0..2147483647, found -1" },
        { "[[],5,[7,0]]", "[1]: expected an array" } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        succeeds(json_parse("a.json", bad[i].json, strlen(bad[i].json), &document));
        root = json_root(document);
        refuses(expert_pairs_read(&root, &shape, 0, &p), CADRE_EFORMAT, bad[i].phrase);
        json_close(document);
    }
    expert_pairs_free(&p);
    assert_int_equal(mem_balance(), before);
}

static void too_many_pairs_are_not_counted(void **state)
{
    (void)state;
    shape_layer layer[] = { { .experts = 4096 }, { .experts = 1, .first_expert = 4096 } };
    expert_pairs p;
    succeeds(expert_pairs_make(&(model_shape){ 1, 4096, 1, layer }, &p));
    assert_non_null(p.count);
    expert_pairs_free(&p);
    succeeds(expert_pairs_make(&(model_shape){ 2, 4097, 2, layer }, &p));
    assert_true(!p.count && p.load);
    expert_pairs_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blank_lines_are_passed_over),
        cmocka_unit_test(a_last_line_that_breaks_off_is_not_there_yet),
        cmocka_unit_test(the_last_whole_line_is_found_from_the_end),
        cmocka_unit_test(a_spoilt_last_line_is_refused_by_its_number),
        cmocka_unit_test(layers_lie_one_after_another),
        cmocka_unit_test(spoilt_shapes_are_refused_by_key),
        cmocka_unit_test(all_layers_together_are_bounded),
        cmocka_unit_test(pairs_are_the_same_both_ways),
        cmocka_unit_test(too_many_pairs_are_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
