/* modality_test.c - types of tokens in analysis.json: read, left out, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "report/modality.h"
#include "support/succeeds.h"

/* Two sparse layers of two and three experts. */
static model_shape shape_of(void)
{
    static shape_layer layers[] = { { .experts = 2 }, { .experts = 3, .first_expert = 2 } };
    return (model_shape){ .layer = layers, .layers = 2, .experts = 5 };
}

static void check_samples(const modality *m)
{
    const modality_sample *drawn = m->drawn.sample, *written = m->written.sample;
    assert_string_equal(drawn->image, "AAAA");
    assert_string_equal(drawn->words, "p");
    assert_string_equal(drawn->made, "");
    assert_string_equal(written->image, "AA==");
    assert_string_equal(written->words, "o");
    assert_string_equal(written->made, "w");
}

/* Strings are checked while the document is open. */
static cadre_status read(const char *text, modality *m)
{
    json_document *document;
    const model_shape shape = shape_of();
    *m = (modality){ 0 };
    succeeds(json_parse("analysis.json", text, strlen(text), &document));
    json_node root = json_root(document);
    cadre_status status = modality_read(&root, &shape, m);
    if (status == CADRE_OK && m->types) assert_string_equal(m->type[0].name, "text");
    if (status == CADRE_OK && m->drawn.count) check_samples(m);
    json_close(document);
    return status;
}

static void counts_and_samples_are_read(void **state)
{
    (void)state;
    modality m;
    succeeds(read("{\"types\": [{\"name\": \"text\", \"tokens\": 3, \"experts\": 4},"
                  " {\"name\": \"image\", \"bits_per_token\": 2.5}],"
                  " \"type_expert\": [[[1, 2], [3, 4]], [[5, 6, 7], [8, 9, 10]]],"
                  " \"pictures\": [{\"domain\": \"d\", \"prompt\": \"p\", \"original\": \"AAAA\","
                  " \"drawn\": \"\"}],"
                  " \"captions\": [{\"domain\": \"d\", \"picture\": \"AA==\", \"original\": \"o\","
                  " \"written\": \"w\"}]}",
        &m));
    const model_shape shape = shape_of();
    assert_int_equal(m.types, 2);
    assert_int_equal(m.type[0].experts, 4);
    assert_int_equal(m.type[1].experts, 0);
    assert_true(m.type[1].bits_per_token == 2.5 && m.type[0].tokens == 3);
    assert_int_equal(modality_routed(&m, &shape.layer[0])[2], 3);
    assert_int_equal(modality_routed(&m, &shape.layer[1])[5], 10);
    assert_int_equal(m.drawn.count, 1);
    assert_int_equal(m.written.count, 1);
    modality_free(&m);
    assert_int_equal(m.types, 0);
}

static void a_run_of_text_alone_has_none(void **state)
{
    (void)state;
    modality m;
    succeeds(read("{\"domains\": []}", &m));
    assert_int_equal(m.types, 0);
    assert_null(m.routed);
    modality_free(&m);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        { "{\"types\": [1]}", "types[0]" },
        { "{\"types\": [{}]}", "name" },
        { "{\"types\": [{\"name\": \"a\", \"experts\": 0}]}", "experts" },
        { "{\"types\": [1, 2, 3, 4, 5, 6, 7, 8, 9]}", "at most 8 types" },
        { "{\"types\": [{\"name\": \"text\"}], \"type_expert\": [[[1, 2]]]}", "2 tables" },
        { "{\"types\": [{\"name\": \"text\"}], \"type_expert\": [[[1, 2]], [[1, 2]]]}",
            "3 counts" },
        { "{\"types\": [{\"name\": \"text\"}], \"type_expert\": [[], []]}", "1 lists" },
        { "{\"types\": [{\"name\": \"text\"}], \"type_expert\": [[[-1, 2]], [[1, 2, 3]]]}",
            "type_expert[0][0][0]" },
        { "{\"pictures\": [{\"domain\": \"d\", \"prompt\": \"p\", \"original\": \"\\\"><b>\","
          " \"drawn\": \"\"}]}",
            "an image in base64" },
        { "{\"captions\": [{\"domain\": \"d\", \"picture\": \"AAA\"}]}", "an image in base64" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        modality m;
        cadre_status status = read(bad[i][0], &m);
        if (status == CADRE_OK || !strstr(cadre_last_error(), bad[i][1]))
            fail_msg("case %zu: %s", i, status == CADRE_OK ? "read" : cadre_last_error());
        modality_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_samples_are_read),
        cmocka_unit_test(a_run_of_text_alone_has_none),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("report/modality", tests, NULL, NULL);
}
