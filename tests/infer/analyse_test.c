/* analyse_test.c - what a run's analysis counts: every token of the held-out texts once, the same
 * by expert, by pair and by token; and a run.json that says where it came from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "format/json.h"
#include "infer/shuffled_domains.h"
#include "moe/metrics.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { EXPERTS_MOST = 64 };

static json_document *open_in(const char *folder, const char *name)
{
    json_document *document;
    char *path = file_join(folder, name);
    succeeds(json_open_dense(path, JSON_LIMIT, &document));
    mem_free(path);
    return document;
}

static int64_t whole(const json_node *node)
{
    int64_t value;
    succeeds(json_as_int(node, 0, INT64_MAX, &value));
    return value;
}

static int64_t member(const json_node *object, const char *key)
{
    json_node node = json_member(object, key);
    return whole(&node);
}

static const char *train(void)
{
    const char *out = scratch_file("analysed");
    cadre_options *o = small_options("olmoe");
    cadre_context *context;
    succeeds(cadre_options_add(o, "data", small_text("one's.txt", 40000)));
    succeeds(cadre_options_add(o, "data", small_text("two.txt", 40000)));
    small_set(o, "out", out);
    small_train(o, 2, CADRE_OK);
    succeeds(cadre_context_new(2, NULL, &context));
    succeeds(cadre_analyse(context, out, NULL));
    cadre_context_free(context);
    cadre_options_free(o);
    return out;
}

/* load[experts] of layer s over both domains; returns the sum. */
static int64_t loads_of(const json_node *root, size_t s, int64_t *load)
{
    json_node layers = json_member(root, "domain_expert"), layer = json_item(&layers, s);
    int64_t sum = 0;
    memset(load, 0, EXPERTS_MOST * sizeof *load);
    for (size_t d = 0; d < json_count(&layer); d++) {
        json_node row = json_item(&layer, d);
        assert_true(json_count(&row) <= EXPERTS_MOST);
        for (size_t e = 0; e < json_count(&row); e++) {
            json_node count = json_item(&row, e);
            load[e] += whole(&count);
            sum += whole(&count);
        }
    }
    return sum;
}

/* Two experts a token: the pairs that an expert is in are its picks. */
static void check_pairs(const json_node *root, size_t s, const int64_t *load)
{
    int64_t paired[EXPERTS_MOST] = { 0 };
    json_node layers = json_member(root, "together"), layer = json_item(&layers, s);
    for (size_t a = 0; a < json_count(&layer); a++) {
        json_node row = json_item(&layer, a);
        assert_int_equal(json_count(&row), a);
        for (size_t b = 0; b < a; b++) {
            json_node count = json_item(&row, b);
            paired[a] += whole(&count);
            paired[b] += whole(&count);
        }
    }
    for (size_t e = 0; e < json_count(&layer); e++) assert_int_equal(paired[e], load[e]);
}

static void check_tokens(const json_node *root, size_t s, const int64_t *load)
{
    json_node layers = json_member(root, "top_tokens"), layer = json_item(&layers, s);
    int64_t some = 0;
    for (size_t e = 0; e < json_count(&layer); e++) {
        json_node list = json_item(&layer, e);
        int64_t sum = 0;
        for (size_t i = 0; i < json_count(&list); i++) {
            json_node token = json_item(&list, i), contexts = json_member(&token, "contexts");
            assert_true(member(&token, "count") <= member(&token, "of"));
            assert_int_equal(json_count(&contexts), 2);
            sum += member(&token, "count");
        }
        assert_true(sum <= load[e]);
        some += sum;
    }
    assert_true(some > 0);
}

/* What the file says that a pick tells is what its counts say. */
static void check_information(const json_node *root, size_t s)
{
    json_node layers = json_member(root, "domain_expert"), layer = json_item(&layers, s);
    json_node all = json_member(root, "domain_information"), said = json_item(&all, s);
    int64_t count[2 * EXPERTS_MOST];
    size_t n = 0, domains = json_count(&layer);
    double bits, most;
    assert_int_equal(domains, 2);
    for (size_t d = 0; d < domains; d++) {
        json_node row = json_item(&layer, d);
        for (size_t e = 0; e < json_count(&row); e++) {
            json_node item = json_item(&row, e);
            count[n++] = whole(&item);
        }
    }
    domain_information told = metrics_domain_information(count, 2, (int32_t)(n / 2));
    succeeds(json_get_real(&said, "bits", 0, 1, &bits));
    succeeds(json_get_real(&said, "most", 0, 1, &most));
    assert_true(bits > 0 && bits == told.bits && most == told.most);
}

static void every_token_once(void **state)
{
    (void)state;
    const char *out = train();
    json_document *analysis = open_in(out, "analysis.json"), *run = open_in(out, "run.json");
    json_node root = json_root(analysis), domains = json_member(&root, "domains");
    json_node said = json_root(run), sparse = json_member(&said, "sparse_layers");
    int64_t tokens = 0, load[EXPERTS_MOST];
    for (size_t d = 0; d < json_count(&domains); d++) {
        json_node domain = json_item(&domains, d);
        tokens +=
            member(&domain, "tokens") - 1; /* the last of a text is never read, only predicted */
    }
    for (size_t s = 0; s < json_count(&sparse); s++) {
        json_node layer = json_item(&sparse, s);
        assert_int_equal(member(&layer, "topk"), 2);
        assert_int_equal(loads_of(&root, s, load), tokens * 2);
        check_information(&root, s);
        check_pairs(&root, s, load);
        check_tokens(&root, s, load);
    }
    const char *command;
    succeeds(json_get_string(&said, "command", &command));
    assert_non_null(strstr(command, "cadre train --data '"));
    assert_non_null(strstr(command, "/one'\\''s.txt' "));
    assert_non_null(strstr(command, " --recipe olmoe"));
    assert_true(json_has(&said, "date"));
    json_close(analysis);
    json_close(run);
    small_remove(out);
}

/* ---- by chance ---- */

/* One layer of two experts; each segment of 64 tokens goes to one of them. */
static void chance(void **state)
{
    (void)state;
    enum { SEGMENTS = 100 };
    layer_config layer = { .sparse = true, .moe = { .experts = 2, .route = { .topk = 1 } } };
    model_config config = { .layers = 1, .layer = &layer };
    census_form form = { .config = &config, .layers = 1, .experts = 2, .picks = 1, .segment = 64 };
    int32_t part[2][SEGMENTS][2] = { 0 };
    shuffled_bits bits;
    for (int d = 0; d < 2; d++)
        for (int i = 0; i < SEGMENTS; i++) part[d][i][d] = 64;
    route_census one = { .form = &form, .segments = SEGMENTS, .part = part[0][0] };
    route_census two = { .form = &form, .segments = SEGMENTS, .part = part[1][0] };
    const route_census *domains[] = { &one, &two };
    succeeds(shuffled_domains(domains, 2, &bits));
    /* (rows - 1)(columns - 1) / (2 N ln 2), where N counts segments: their tokens go one way */
    double expected = 1 / (2 * 2 * SEGMENTS * log(2));
    assert_true(bits.mean > 0.5 * expected && bits.mean < 2 * expected);
    assert_true(bits.deviation > 0 && bits.deviation < 4 * expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_token_once),
        cmocka_unit_test(chance) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
