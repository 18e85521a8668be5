/* token_types_test.c - which ids are of which type: from options, in config.json, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arch/recipe.h"
#include "arch/token_types.h"
#include "base/memory.h"
#include "base/options.h"
#include "support/succeeds.h"

/* The options of a recipe's model, as pairs of name and value up to a NULL. */
static cadre_options *options_of(const char *const *pairs)
{
    const cadre_option_table tables[] = { cadre_model_options(), cadre_routing_options() };
    cadre_options *o;
    succeeds(cadre_options_new(tables, 2, &o));
    for (; *pairs; pairs += 2) succeeds(cadre_options_set(o, pairs[0], pairs[1]));
    return o;
}

static cadre_status read(model_config *c, const char *banks, const char *ids)
{
    const char *pairs[5] = { 0 };
    int n = 0;
    if (banks) pairs[n++] = "banks", pairs[n++] = banks;
    if (ids) pairs[n++] = "type-ids", pairs[n++] = ids;
    cadre_options *o = options_of(pairs);
    *c = (model_config){ .vocab = 1000 };
    cadre_status status = token_types_read_options(o, c);
    if (status == CADRE_OK) status = token_types_check(c, "options");
    cadre_options_free(o);
    return status;
}

static void a_type_follows_from_the_id(void **state)
{
    (void)state;
    model_config c;
    succeeds(read(&c, "text=4,image=2,sound=2", "sound=900-999,image=1-20"));
    const int32_t ids[] = { 0, 1, 20, 21, 899, 900, 999 }, want[] = { 0, 1, 1, 0, 0, 2, 2 };
    int32_t types[7];
    assert_memory_equal(token_types_of(&c, ids, 7, types), want, sizeof want);
    assert_int_equal(token_type_of(&(model_config){ 0 }, 5), 0);
}

static void without_banks_the_first_type_is_text(void **state)
{
    (void)state;
    model_config c;
    succeeds(read(&c, NULL, "image=5-6"));
    assert_int_equal(c.types.count, 2);
    assert_string_equal(c.types.name[0], "text");
    assert_string_equal(c.types.name[1], "image");
    assert_int_equal(token_type_of(&c, 6), 1);
    assert_int_equal(token_type_of(&c, 7), 0);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    model_config c;
    refuses(read(&c, "text=4,image=2", NULL), CADRE_EARGUMENT, "which are which");
    refuses(read(&c, "text=4,image=2", "sound=1-2"), CADRE_EARGUMENT, "found 'sound'");
    refuses(read(&c, "a=1,b=1,c=1", "b=1-2"), CADRE_EARGUMENT, "types a and c");
    refuses(read(&c, "a=1,b=1", "a=1-2,b=4-5"), CADRE_EARGUMENT, "one without ids");
    refuses(read(&c, "a=1,b=1,c=1", "b=1-9,c=9-12"), CADRE_EARGUMENT, "of both");
    refuses(read(&c, NULL, "image=1-1000"), CADRE_EARGUMENT, "vocabulary of 1000");
    static const char *const bad[] = { "image", "image=", "image=3", "image=3-", "image=5-4",
        "image=a-b", "=1-2", "image=1-2;", "image=1-2,image=3-4", "image=-1-2",
        "image=1-99999999999" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses(read(&c, NULL, bad[i]), CADRE_EARGUMENT, "TYPE=FIRST-LAST");
}

static void images_are_checked(void **state)
{
    (void)state;
    model_config c = { .vocab = 100, .images = { 64, 8, 90, 1 } };
    succeeds(token_types_check(&c, "config.json"));
    c.images.codes = 98;
    refuses(token_types_check(&c, "config.json"), CADRE_EARGUMENT, "98 codes from 1 on");
    c.images = (image_tokens){ 64, 7, 9, 1 };
    refuses(token_types_check(&c, "config.json"), CADRE_EARGUMENT, "a multiple of the patch's");
    c.images = (image_tokens){ 64, 8, 9, 1 };
    assert_int_equal(image_patches(&c.images), 64);
    assert_int_equal(image_patch_numbers(&c.images), 192);
    assert_int_equal(image_code(&c.images, 5), 8);
}

/* Written and read again: the same, and what differs is named. */
static void config_json_keeps_them(void **state)
{
    (void)state;
    model_config a = { .types = { 2, { "text", "image" }, { 0 } },
        .type_ids = { { 0, 0 }, { 1, 92 } },
        .route = { .banks = 2, .bank_experts = { 8, 4 } },
        .images = { 64, 8, 90, 1 } },
                 b = { 0 };
    json_writer w = json_writer_new(0);
    json_document *document;
    json_put_object(&w, NULL);
    token_types_write(&a, &w);
    json_put_close(&w, '}');
    succeeds(json_parse("config.json", w.text.data, w.text.size, &document));
    json_node root = json_root(document);
    succeeds(token_types_read(&root, &b));
    assert_null(token_types_difference(&a, &b));
    assert_int_equal(b.route.banks, 2);
    assert_int_equal(b.route.bank_experts[1], 4);
    b.type_ids[1].first = 2;
    assert_string_equal(token_types_difference(&a, &b), "type-ids");
    b.type_ids[1].first = 1;
    b.images.codes--;
    assert_string_equal(token_types_difference(&a, &b), "pictures");
    json_close(document);
    json_writer_free(&w);
}

static void a_damaged_config_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        { "{\"token_types\": [{\"name\": \"\"}]}", "a name" },
        { "{\"token_types\": [{\"name\": \"a name that is far too long\"}]}", "a name" },
        { "{\"token_types\": [{\"name\": \"a\", \"count\": 3}]}", "first" },
        { "{\"token_types\": [{\"name\": \"a\", \"count\": 0}]}", "count" },
        { "{\"token_types\": [{\"name\": \"a\", \"experts\": 2}, {\"name\": \"b\"}]}",
            "experts of every type" },
        { "{\"token_types\": [1,2,3,4,5,6,7,8,9]}", "at most 8 types" },
        { "{\"pictures\": {\"side\": 64, \"patch\": 8, \"codes\": 9}}", "first" },
        { "{\"pictures\": {\"side\": 4096, \"patch\": 8, \"codes\": 9, \"first\": 1}}", "side" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        model_config c = { 0 };
        json_document *document;
        succeeds(json_parse("config.json", bad[i][0], strlen(bad[i][0]), &document));
        json_node root = json_root(document);
        cadre_status status = token_types_read(&root, &c);
        if (status == CADRE_OK || !strstr(cadre_last_error(), bad[i][1]))
            fail_msg("case %zu: %s", i, status == CADRE_OK ? "read" : cadre_last_error());
        json_close(document);
    }
}

static cadre_status read_widths(model_config *c, const char *banks, const char *widths)
{
    const char *pairs[] = { "bank-width", widths, "type-ids", "image=1-9", banks ? "banks" : NULL,
        banks, NULL };
    cadre_options *o = options_of(pairs);
    *c = (model_config){ .vocab = 1000 };
    cadre_status status = token_types_read_options(o, c);
    cadre_options_free(o);
    return status;
}

static void banks_have_widths(void **state)
{
    (void)state;
    static const char *const wrong[] = { "text", "text=", "text=0", "text=x", "text=3;image=4",
        "sound=4", "=4", "text=9999999" };
    model_config c;
    succeeds(read_widths(&c, "text=4,image=2", "image=12"));
    assert_true(c.bank_width[0] == 0 && c.bank_width[1] == 12);
    succeeds(read_widths(&c, "text=4,image=2", "image=12,text=24"));
    assert_true(c.bank_width[0] == 24 && c.bank_width[1] == 12);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses(read_widths(&c, "text=4,image=2", wrong[i]), CADRE_EARGUMENT,
            "--bank-width: expected TYPE=WIDTH between commas");
    refuses(read_widths(&c, NULL, "text=4"), CADRE_EARGUMENT, "types that --banks names");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(banks_have_widths),
        cmocka_unit_test(a_type_follows_from_the_id),
        cmocka_unit_test(without_banks_the_first_type_is_text),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(images_are_checked),
        cmocka_unit_test(config_json_keeps_them),
        cmocka_unit_test(a_damaged_config_is_refused),
    };
    return cmocka_run_group_tests_name("arch/token_types", tests, NULL, NULL);
}
