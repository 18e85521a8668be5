/* state_pool_test.c - blocks that sequences share: copied when they are written and not before,
 * counted by those who hold them, and none left is an answer. */
#include "mixer/state_pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/kept_rows.h"
#include "mixer/sequence_state.h"
#include "support/refusal.h"
#include "support/succeeds.h"

enum { LAYERS = 3, KEYS = 3, VALUES = 2, BLOCKS = 5 };

static mixer_state_size rows_of_both(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .key_row = KEYS, .value_row = VALUES };
}

static mixer_state_size keys_alone(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .key_row = KEYS };
}

static const mixer both = { .name = "both", .state = rows_of_both, .rewinds = true },
                   alone = { .name = "alone", .state = keys_alone, .rewinds = true };
static const mixer_config config_both = { .row = &both }, config_alone = { .row = &alone };
static const mixer_config *const mixers[LAYERS] = { &config_both, &config_alone, &config_both };

static const state_counts all_blocks = { { BLOCKS } };

/* What token p of a text is to leave in a layer. */
static real value_of(int64_t text, int64_t layer, int64_t p, int64_t i)
{
    return (real)(text * 1000000 + layer * 10000 + p * 10 + i);
}

static void write_tokens(sequence_state *s, int64_t text, int64_t tokens)
{
    succeeds(sequence_state_reserve(s, tokens));
    for (int64_t l = 0; l < LAYERS; l++)
        for (int64_t t = 0; t < tokens; t++) {
            real rows[KEYS + VALUES];
            for (int64_t i = 0; i < KEYS + VALUES; i++)
                rows[i] = value_of(text, l, s->length + t, i);
            s->length += t; /* a row at a time, as decoding puts them */
            sequence_state_put(s, l, 1, rows, rows + KEYS);
            s->length -= t;
        }
    s->length += tokens;
}

/* Tokens begin .. end - 1 are this text's, through the view that attention reads. */
static void holds(const sequence_state *s, int64_t text, int64_t begin, int64_t end)
{
    for (int64_t l = 0; l < LAYERS; l++) {
        kv_view v = sequence_state_view(s, l);
        for (int64_t p = begin; p < end; p++) {
            for (int64_t i = 0; i < KEYS; i++)
                assert_true(kept_key(&v, p, i) == value_of(text, l, p, i));
            for (int64_t i = 0; i < VALUES && l != 1; i++)
                assert_true(kept_value(&v, p, i) == value_of(text, l, p, KEYS + i));
        }
        if (l == 1) assert_ptr_equal(v.keys[0], v.values[0]);
    }
}

static state_pool *open_pool(void)
{
    state_pool *p;
    succeeds(state_pool_open(mixers, LAYERS, all_blocks, &p));
    assert_int_equal(state_pool_room(p, STATE_WHOLE), BLOCKS);
    return p;
}

static void a_block_is_copied_when_it_is_written(void **state)
{
    (void)state;
    state_pool *p = open_pool();
    sequence_state a, b;
    succeeds(sequence_state_open_in(&a, p, 4 * STATE_BLOCK));
    succeeds(sequence_state_open_in(&b, p, 4 * STATE_BLOCK));
    write_tokens(&a, 1, 2 * STATE_BLOCK + 2);
    assert_int_equal(state_pool_room(p, STATE_WHOLE), BLOCKS - 3);
    assert_true(sequence_state_share(&b, &a, 2 * STATE_BLOCK + 1));
    assert_int_equal(state_pool_room(p, STATE_WHOLE), BLOCKS - 3); /* nothing is copied yet */
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(a.span[i].block[STATE_WHOLE], b.span[i].block[STATE_WHOLE]);
    assert_int_equal(sequence_state_needs(&b, 1).of[STATE_WHOLE], 1);
    write_tokens(&b, 2, 3);
    assert_int_equal(state_pool_room(p, STATE_WHOLE), BLOCKS - 4);
    assert_ptr_equal(a.span[1].block[STATE_WHOLE], b.span[1].block[STATE_WHOLE]);
    assert_ptr_not_equal(a.span[2].block[STATE_WHOLE], b.span[2].block[STATE_WHOLE]);
    holds(&b, 1, 0, 2 * STATE_BLOCK + 1);
    holds(&b, 2, 2 * STATE_BLOCK + 1, b.length);
    holds(&a, 1, 0, a.length);
    assert_int_equal(
        sequence_state_needs(&a, 1).of[STATE_WHOLE], 0); /* it is alone with its last block again */
    write_tokens(&a, 1, 4);
    holds(&a, 1, 0, a.length);
    sequence_state_close(&a);
    assert_int_equal(
        state_pool_room(p, STATE_WHOLE), BLOCKS - 3); /* what the other one shares stays */
    holds(&b, 1, 0, 2 * STATE_BLOCK + 1);
    sequence_state_close(&b);
    assert_int_equal(state_pool_room(p, STATE_WHOLE), BLOCKS);
    state_pool_leave(p, all_blocks);
}

/* A full block is never written: two sequences go on behind it without a copy. */
static void full_blocks_are_shared_for_good(void **state)
{
    (void)state;
    state_pool *p = open_pool();
    sequence_state a, b;
    succeeds(sequence_state_open_in(&a, p, 3 * STATE_BLOCK));
    succeeds(sequence_state_open_in(&b, p, 3 * STATE_BLOCK));
    write_tokens(&a, 1, STATE_BLOCK);
    assert_true(sequence_state_share(&b, &a, STATE_BLOCK));
    assert_int_equal(sequence_state_needs(&b, STATE_BLOCK).of[STATE_WHOLE], 1);
    write_tokens(&a, 1, 1);
    write_tokens(&b, 2, 1);
    assert_ptr_equal(a.span[0].block[STATE_WHOLE], b.span[0].block[STATE_WHOLE]);
    assert_int_equal(state_pool_room(p, STATE_WHOLE), BLOCKS - 3);
    holds(&a, 1, 0, STATE_BLOCK + 1);
    holds(&b, 2, STATE_BLOCK, STATE_BLOCK + 1);
    assert_true(sequence_state_rewind(&a, STATE_BLOCK)); /* gives back what it no longer reaches */
    assert_int_equal(state_pool_room(p, STATE_WHOLE), BLOCKS - 2);
    assert_true(
        sequence_state_rewind(&a, 10)); /* ... and the next token would write a shared one */
    assert_int_equal(sequence_state_needs(&a, 1).of[STATE_WHOLE], 1);
    write_tokens(&a, 3, 1);
    holds(&b, 1, 0, STATE_BLOCK);
    holds(&a, 1, 0, 10);
    holds(&a, 3, 10, 11);
    sequence_state_close(&a);
    sequence_state_close(&b);
    state_pool_leave(p, all_blocks);
}

static void no_block_left_is_an_answer(void **state)
{
    (void)state;
    state_pool *p = open_pool();
    sequence_state a, b;
    succeeds(sequence_state_open_in(&a, p, 8 * STATE_BLOCK));
    succeeds(sequence_state_open_in(&b, p, 8 * STATE_BLOCK));
    write_tokens(&a, 1, 4 * STATE_BLOCK + 1);
    refuses(sequence_state_reserve(&b, 1), CADRE_EFULL, "all 5 in use");
    assert_int_equal(b.held, 0);
    assert_true(sequence_state_share(&b, &a, STATE_BLOCK + 5));
    refuses(sequence_state_reserve(&b, 1), CADRE_EFULL, "all 5 in use"); /* no room for the copy */
    assert_true(b.length == STATE_BLOCK + 5 && b.held == 2 &&
                a.span[1].block[STATE_WHOLE] == b.span[1].block[STATE_WHOLE]);
    assert_true(sequence_state_rewind(&a, 4 * STATE_BLOCK));
    refuses(sequence_state_reserve(&b, STATE_BLOCK), CADRE_EFULL, "all 5 in use");
    assert_int_equal(state_pool_room(p, STATE_WHOLE), 1); /* what was taken of it is given back */
    write_tokens(&b, 2, 1);
    holds(&a, 1, 0, a.length);
    sequence_state_close(&a);
    write_tokens(&b, 2, STATE_BLOCK);
    holds(&b, 2, STATE_BLOCK + 5, b.length);
    sequence_state_close(&b);
    state_pool_leave(p, all_blocks);
}

/* Whoever has joined gets its blocks whatever the others hold, and pools do not grow for ever. */
static void who_has_joined_has_its_blocks(void **state)
{
    (void)state;
    sequence_state a, b;
    succeeds(sequence_state_open(&a, mixers, LAYERS, 2 * STATE_BLOCK));
    write_tokens(&a, 1, STATE_BLOCK + 9);
    for (int i = 0; i < 5; i++) {
        succeeds(sequence_state_open_beside(&b, &a, 3 * STATE_BLOCK));
        assert_int_equal(a.pool->supply[STATE_WHOLE].count, 5);
        assert_true(sequence_state_share(&b, &a, STATE_BLOCK + 9));
        assert_true(sequence_state_rewind(&a, 0)); /* b alone holds them now */
        write_tokens(&a, i, 2 * STATE_BLOCK);
        write_tokens(&b, 7, 2 * STATE_BLOCK - 9);
        holds(&a, i, 0, 2 * STATE_BLOCK);
        holds(&b, i ? i - 1 : 1, 0, STATE_BLOCK + 9);
        holds(&b, 7, STATE_BLOCK + 9, 3 * STATE_BLOCK);
        sequence_state_close(&b);
    }
    succeeds(sequence_state_open_beside(&b, &a, STATE_BLOCK));
    assert_true(sequence_state_share(&b, &a, 20));
    sequence_state_close(&a); /* the pool stays while one is there */
    holds(&b, 4, 0, 20);
    write_tokens(&b, 8, 1);
    holds(&b, 8, 20, 21);
    sequence_state_close(&b);
}

static void memory_may_fail(void **state)
{
    (void)state;
    sequence_state a, b;
    for (int n = 1; n < 20; n++) {
        mem_fail_at(n, false);
        cadre_status status = sequence_state_open(&a, mixers, LAYERS, STATE_BLOCK);
        mem_fail_at(0, false);
        if (status == CADRE_OK) sequence_state_close(&a);
        else assert_int_equal(status, CADRE_ENOMEM);
    }
    succeeds(sequence_state_open(&a, mixers, LAYERS, STATE_BLOCK));
    for (int n = 1; n < 12; n++) {
        mem_fail_at(n, false);
        cadre_status status = sequence_state_open_beside(&b, &a, STATE_BLOCK);
        mem_fail_at(0, false);
        if (status == CADRE_OK) sequence_state_close(&b);
        else assert_int_equal(status, CADRE_ENOMEM);
        assert_int_equal(a.pool->supply[STATE_WHOLE].promised, 1);
    }
    refuses(sequence_state_open_beside(&b, &a, INT64_MAX / 2), CADRE_ENOMEM, "address space");
    sequence_state_close(&a);
}

/* ---- threads ---- */

enum { THREADS = 3, ROUNDS = 200 };

typedef struct branch {
    sequence_state state;
    int64_t text;
} branch;

/* Writes what it shares, again and again: some of it is copied, some let go. */
static void *write_on(void *arg)
{
    branch *b = arg;
    for (int64_t i = 0; i < ROUNDS; i++) {
        assert_true(sequence_state_rewind(&b->state, STATE_BLOCK + 3 + i % 2));
        write_tokens(&b->state, b->text, 5 + i % STATE_BLOCK);
    }
    return NULL;
}

/* Sequences that share their beginning are written, and let go, each by a thread of its own. */
static void threads_share_what_they_do_not_write(void **state)
{
    (void)state;
    sequence_state trunk;
    branch b[THREADS];
    pthread_t thread[THREADS];
    succeeds(sequence_state_open(&trunk, mixers, LAYERS, 3 * STATE_BLOCK));
    write_tokens(&trunk, 1, STATE_BLOCK + 9);
    for (int i = 0; i < THREADS; i++) {
        b[i].text = i + 2;
        succeeds(sequence_state_open_beside(&b[i].state, &trunk, 3 * STATE_BLOCK));
        assert_true(sequence_state_share(&b[i].state, &trunk, STATE_BLOCK + 9));
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, write_on, &b[i]), 0);
    holds(&trunk, 1, 0, STATE_BLOCK + 9);
    sequence_state_close(&trunk);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        holds(&b[i].state, 1, 0, STATE_BLOCK + 3);
        holds(&b[i].state, b[i].text, STATE_BLOCK + 4, b[i].state.length);
        sequence_state_close(&b[i].state);
    }
}

/* Of a window's tokens the first is seen as long as the last that sees it. */
static void a_window_begins_in_a_block(void **state)
{
    (void)state;
    enum { BLOCK = 64 };
    assert_int_equal(state_first_seen(0, 1000 * BLOCK), 0);
    assert_int_equal(state_first_seen(BLOCK, BLOCK - 1), 0);
    assert_int_equal(state_first_seen(BLOCK, 2 * BLOCK - 2), 0);
    assert_int_equal(state_first_seen(BLOCK, 2 * BLOCK - 1), 1);
    assert_int_equal(state_first_seen(BLOCK, 3 * BLOCK - 1), 2);
    assert_int_equal(state_first_seen(1, BLOCK - 1), 0);
    assert_int_equal(state_first_seen(1, BLOCK), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_copied_when_it_is_written),
        cmocka_unit_test(full_blocks_are_shared_for_good),
        cmocka_unit_test(no_block_left_is_an_answer),
        cmocka_unit_test(who_has_joined_has_its_blocks),
        cmocka_unit_test(a_window_begins_in_a_block),
        cmocka_unit_test(memory_may_fail),
        cmocka_unit_test(threads_share_what_they_do_not_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
