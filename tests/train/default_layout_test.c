/* default_layout_test.c - the layout of a training run that names none: the first in the context's
 * order that the trainer supports, the same on all ranks. Ranks are threads. */
#include "train/default_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/small_run.h"
#include "support/succeeds.h"
#include "support/thread_comm.h"

typedef struct question {
    const char *recipe;
    const char *const (*more)[2];
    layout_order order;
    rank_layout given; /* .expert 0: none */
    cadre_status status[THREAD_COMM_MOST];
    rank_layout answer[THREAD_COMM_MOST];
    char sentence[300]; /* of rank 0, if it has no layout */
} question;

/* Three layouts of four ranks. A batch of two sequences cannot be divided into four. */
static int some_order(const comm *world, const struct model_config *config, const layout_work *work,
    rank_layout *best, int most)
{
    (void)config;
    assert_int_equal(world->size, 4);
    assert_true(most >= 3);
    assert_true(work->batch > 0 && work->length > 0 && !work->weight_bytes);
    best[0] = (rank_layout){ 1, 4, 1, 1, 1 };
    best[1] = (rank_layout){ 1, 2, 2, 1, 1 };
    best[2] = (rank_layout){ 1, 1, 4, 1, 1 };
    return 3;
}

static void ask(comm *world, void *arg)
{
    question *q = arg;
    cadre_options *o = small_options(q->recipe);
    for (int i = 0; q->more[i][0]; i++) small_set(o, q->more[i][0], q->more[i][1]);
    model_config config;
    train_settings settings;
    char *notes;
    const recipe *named = recipe_by_name(q->recipe);
    cadre_context context = {
        .world = world, .layout = q->given, .layout_given = q->given.expert > 0, .order = q->order
    };
    succeeds(recipe_apply(named, o));
    succeeds(recipe_config(named, o, 40, &config, &notes));
    succeeds(train_settings_read(o, named, &settings));
    succeeds(compute_new(1, NULL, &context.compute));
    q->status[world->rank] = default_layout(&context, &config, &settings, &q->answer[world->rank]);
    if (q->status[world->rank] != CADRE_OK && world->rank == 0)
        strncpy(q->sentence, cadre_last_error(), sizeof q->sentence - 1);
    compute_free(context.compute);
    mem_free(notes);
    model_config_free(&config);
    cadre_options_free(o);
}

static const char *const eight[][2] = { { "batch", "8" }, { "layers", "4" }, { NULL, NULL } },
                         *const two[][2] = { { "batch", "2" }, { "layers", "4" }, { NULL, NULL } };

/* Returns the layout on which so many ranks agree. */
static rank_layout answer_of(question *q, int ranks)
{
    succeeds(thread_comm_run(ranks, 60, ask, q));
    for (int r = 0; r < ranks; r++) {
        assert_int_equal(q->status[r], CADRE_OK);
        assert_memory_equal(&q->answer[r], &q->answer[0], sizeof q->answer[0]);
    }
    return q->answer[0];
}

static void the_first_that_the_trainer_supports(void **state)
{
    (void)state;
    question q = { .recipe = "olmoe", .more = eight, .order = some_order };
    assert_int_equal(answer_of(&q, 4).data, 4);
    q.more = two;
    rank_layout l = answer_of(&q, 4);
    assert_int_equal(l.data, 2);
    assert_int_equal(l.pipeline, 2);
}

static void one_that_was_given_stays(void **state)
{
    (void)state;
    question q = {
        .recipe = "olmoe", .more = eight, .order = some_order, .given = { 2, 2, 1, 1, 1 }
    };
    assert_int_equal(answer_of(&q, 4).expert, 2);
}

static void without_an_order_ranks_divide_the_batch(void **state)
{
    (void)state;
    question q = { .recipe = "olmoe", .more = eight };
    assert_int_equal(answer_of(&q, 2).data, 2);
    assert_int_equal(answer_of(&q, 1).data, 1);
}

static void none_at_all_is_refused_on_all_ranks(void **state)
{
    (void)state;
    question q = { .recipe = "olmoe", .more = two };
    succeeds(thread_comm_run(3, 60, ask, &q));
    for (int r = 0; r < 3; r++) assert_int_equal(q.status[r], CADRE_EARGUMENT);
    assert_non_null(strstr(q.sentence, "at most 2 ranks"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_the_trainer_supports),
        cmocka_unit_test(one_that_was_given_stays),
        cmocka_unit_test(without_an_order_ranks_divide_the_batch),
        cmocka_unit_test(none_at_all_is_refused_on_all_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
