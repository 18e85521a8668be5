/* run_weights_test.c - the share of the rows that each domain gets, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/small_run.h"
#include "train/run.h"

enum { DOMAINS = 3 };

static char *const names[DOMAINS] = { "de", "en", "de-at" };

/* Checks the numbers of rows of the three domains; weights NULL: --weights is not given */
static cadre_status take(const char *text, int64_t *rows)
{
    corpus_domain domains[DOMAINS] = { { 0 } };
    token_run runs[DOMAINS] = { { 0 } };
    corpus c = { .domains = domains, .count = DOMAINS };
    for (int i = 0; i < DOMAINS; i++) domains[i].name = names[i];
    cadre_options *o = small_options("olmoe");
    if (text) small_set(o, "weights", text);
    train_run r = { .options = o, .corpus = &c, .runs = runs };
    int64_t before = mem_balance();
    cadre_status status = train_weights_take(&r);
    assert_int_equal(mem_balance(), before);
    for (int i = 0; i < DOMAINS; i++) rows[i] = runs[i].weight;
    cadre_options_free(o);
    return status;
}

static void check(const char *text, int64_t de, int64_t en, int64_t austrian)
{
    int64_t rows[DOMAINS];
    if (take(text, rows) != CADRE_OK) fail_msg("%s: %s", text, cadre_last_error());
    assert_int_equal(rows[0], de);
    assert_int_equal(rows[1], en);
    assert_int_equal(rows[2], austrian);
    assert_true(!text || de + en + austrian == BATCHES_MIX);
}

static void test_shares(void **state)
{
    (void)state;
    check(NULL, 0, 0, 0);
    check("de=2,en=1,de-at=1", BATCHES_MIX / 2, BATCHES_MIX / 4, BATCHES_MIX / 4);
    check("de-at=0.5,de=0,en=0.5", 0, BATCHES_MIX / 2, BATCHES_MIX / 2);
    check("en=1,de=1,de-at=1", BATCHES_MIX / 3 + 1, BATCHES_MIX / 3, BATCHES_MIX / 3);
    check("en=1e9,de=1,de-at=0", 1, BATCHES_MIX - 1, 0); /* at least one */
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "de=1,en=1", "found none for \"de-at\"" },
        { "de=1,en=1,fr=1", "found \"fr=1\"" },
        { "de=1,de=1", "for each domain once" },
        { "de=-1,en=1,de-at=1", "found \"de=-1\"" },
        { "de=nan,en=1,de-at=1", "found \"de=nan\"" },
        { "de=1x,en=1,de-at=1", "found \"de=1x\"" },
        { "de=,en=1,de-at=1", "found \"de=\"" },
        { "de", "found \"de\"" },
        { "de=0,en=0,de-at=0", "expected one above 0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t rows[DOMAINS];
        assert_int_equal(take(cases[i].text, rows), CADRE_EARGUMENT);
        if (!strstr(cadre_last_error(), cases[i].words))
            fail_msg("%s: %s", cases[i].text, cadre_last_error());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shares),
        cmocka_unit_test(test_what_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
