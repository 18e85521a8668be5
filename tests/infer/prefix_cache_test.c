/* prefix_cache_test.c - paths are found by all their tokens, and what nobody holds goes from the
 * leaves on, the least recently used first. */
#include "infer/prefix_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"

enum { BLOCKS = 8, TOKENS = 4 * STATE_BLOCK };

enum { FIXED = 3, SNAPSHOTS = 3 };

static mixer_state_size rows(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .key_row = 1 };
}

static mixer_state_size window(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .key_row = 1, .window = STATE_BLOCK + 2 };
}

static mixer_state_size fixed(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .fixed = FIXED };
}

static const mixer mixer_of_rows = { .name = "rows", .state = rows, .rewinds = true };
static const mixer mixer_of_windows = { .name = "window", .state = window, .rewinds = true };
static const mixer mixer_of_states = { .name = "fixed", .state = fixed };
static const mixer_config config = { .row = &mixer_of_rows },
                          windows = { .row = &mixer_of_windows },
                          states = { .row = &mixer_of_states };

static const state_counts all_blocks = { { BLOCKS, BLOCKS, SNAPSHOTS } };

typedef struct fixture {
    state_pool *pool;
    prefix_cache cache;
} fixture;

static int open_fixture(void **state)
{
    static fixture f;
    const mixer_config *mixers[] = { &config, &windows, &states };
    succeeds(state_pool_open(mixers, 3, all_blocks, &f.pool));
    succeeds(prefix_cache_open(&f.cache, BLOCKS));
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture *f = *state;
    prefix_cache_close(&f->cache);
    assert_int_equal(state_pool_room(f->pool, STATE_WHOLE), BLOCKS);
    assert_int_equal(state_pool_room(f->pool, STATE_WINDOW), BLOCKS);
    assert_int_equal(state_pool_room(f->pool, STATE_FIXED), SNAPSHOTS);
    state_pool_leave(f->pool, all_blocks);
    return 0;
}

/* A text of 1, 2 .. in which one token is another. */
static void fill(int32_t *tokens, int64_t other)
{
    for (int32_t i = 0; i < TOKENS; i++) tokens[i] = i + 1;
    if (other >= 0) tokens[other] = 0;
}

/* A text's blocks are read and kept; the path is held. */
static prefix_node *put(fixture *f, const int32_t *tokens, int64_t blocks)
{
    prefix_node *n = NULL;
    for (int64_t i = 0; i < blocks; i++) {
        state_block *own = state_pool_take(f->pool, STATE_WHOLE);
        assert_non_null(own);
        n = prefix_cache_add(&f->cache, n, tokens + i * STATE_BLOCK, own);
        state_block_release(own);
        assert_int_equal(n->depth, i + 1);
    }
    return n;
}

static void a_path_is_found_by_all_its_tokens(void **state)
{
    fixture *f = *state;
    int32_t a[TOKENS], b[TOKENS];
    state_span blocks[BLOCKS];
    fill(a, -1), fill(b, STATE_BLOCK + 7);
    assert_null(prefix_cache_find(&f->cache, a, TOKENS));
    prefix_node *first = put(f, a, 3), *second = put(f, b, 3);
    assert_int_equal(f->cache.count, 5); /* their first blocks are one */
    assert_int_equal(state_pool_room(f->pool, STATE_WHOLE), BLOCKS - 5);
    assert_ptr_equal(prefix_cache_find(&f->cache, a, TOKENS), first);
    assert_ptr_equal(prefix_cache_find(&f->cache, b, TOKENS), second);
    assert_ptr_equal(prefix_cache_find(&f->cache, a, 3 * STATE_BLOCK - 1), first->parent);
    assert_null(prefix_cache_find(&f->cache, a, STATE_BLOCK - 1));
    assert_ptr_equal(first->parent->parent, second->parent->parent);
    /* The third blocks have the same tokens, after others */
    assert_memory_equal(first->tokens, second->tokens, sizeof first->tokens);
    assert_ptr_not_equal(first->span.block[STATE_WHOLE], second->span.block[STATE_WHOLE]);
    assert_null(prefix_cache_find(&f->cache, a + STATE_BLOCK, 2 * STATE_BLOCK));
    b[0] = 9; /* what follows is as it was */
    assert_null(prefix_cache_find(&f->cache, b, TOKENS));
    prefix_path_spans(first, blocks);
    assert_ptr_equal(blocks[2].block[STATE_WHOLE], first->span.block[STATE_WHOLE]);
    assert_ptr_equal(blocks[0].block[STATE_WHOLE], second->parent->parent->span.block[STATE_WHOLE]);
    prefix_cache_release(&f->cache, first);
    prefix_cache_release(&f->cache, second);
    assert_int_equal(f->cache.unheld, 5);
}

/* Hashes that are equal are not enough. */
static void hashes_do_not_decide(void **state)
{
    fixture *f = *state;
    int32_t a[TOKENS], b[TOKENS];
    fill(a, -1), fill(b, 5);
    prefix_node *first = put(f, a, 2), *root = first->parent;
    first->tokens[3]++;
    assert_ptr_equal(prefix_cache_find(&f->cache, a, TOKENS), root);
    first->tokens[3]--;
    first->parent = NULL; /* as if it began a text */
    assert_ptr_equal(prefix_cache_find(&f->cache, a, TOKENS), root);
    first->parent = root;
    assert_ptr_equal(prefix_cache_find(&f->cache, a, TOKENS), first);
    prefix_cache_release(&f->cache, first);
}

static void the_oldest_leaf_goes_first(void **state)
{
    fixture *f = *state;
    int32_t a[TOKENS], b[TOKENS], c[TOKENS];
    fill(a, -1), fill(b, STATE_BLOCK), fill(c, 0);
    prefix_node *of_a = put(f, a, 3), *of_b = put(f, b, 2), *of_c = put(f, c, 2);
    assert_false(prefix_cache_evict(&f->cache)); /* all are held */
    prefix_cache_release(&f->cache, of_c);
    prefix_cache_release(&f->cache, of_a);
    assert_int_equal(f->cache.unheld, 2 + 2); /* a's first block is b's, too */
    assert_int_equal(prefix_path_unheld(of_a), 2);
    assert_int_equal(prefix_path_unheld(of_b), 0);
    assert_true(prefix_cache_evict(&f->cache)); /* the leaf of c, and then its root */
    assert_ptr_equal(prefix_cache_find(&f->cache, c, TOKENS), of_c->parent);
    assert_true(prefix_cache_evict(&f->cache));
    assert_null(prefix_cache_find(&f->cache, c, TOKENS));
    assert_ptr_equal(prefix_cache_find(&f->cache, a, TOKENS), of_a);
    prefix_cache_hold(&f->cache, of_a); /* used again: b's is older now */
    prefix_cache_release(&f->cache, of_b);
    prefix_cache_release(&f->cache, of_a);
    assert_true(prefix_cache_evict(&f->cache));
    assert_ptr_equal(prefix_cache_find(&f->cache, b, TOKENS), of_b->parent);
    assert_ptr_equal(prefix_cache_find(&f->cache, a, TOKENS), of_a);
    for (int i = 2; i >= 0; i--) {
        assert_true(prefix_cache_evict(&f->cache));
        assert_int_equal(prefix_depth(prefix_cache_find(&f->cache, a, TOKENS)), i);
    }
    assert_false(prefix_cache_evict(&f->cache));
    assert_int_equal(f->cache.evicted, 6);
    assert_int_equal(state_pool_room(f->pool, STATE_WHOLE), BLOCKS);
    prefix_cache_release(&f->cache, put(f, c, 4)); /* nodes that went are used again */
    prefix_cache_release(&f->cache, put(f, a, 4));
    assert_int_equal(f->cache.count, BLOCKS);
    assert_int_equal(f->cache.made, BLOCKS);
}

static void give_snapshot(fixture *f, prefix_node *n)
{
    state_block *b = state_pool_take(f->pool, STATE_FIXED);
    assert_non_null(b);
    for (int i = 0; i < FIXED; i++) state_block_fixed(b)[i] = (real)n->depth;
    prefix_cache_keep_fixed(&f->cache, n, b);
}

static void give_window(fixture *f, prefix_node *n)
{
    state_block *b = state_pool_take(f->pool, STATE_WINDOW);
    prefix_cache_keep_window(&f->cache, n, b, false);
    state_block_release(b);
}

/* A sequence begins where there is a snapshot, and what its next token sees through the window. */
static void a_path_is_resumed_where_all_is_there(void **state)
{
    fixture *f = *state;
    int32_t a[TOKENS];
    fill(a, -1);
    prefix_node *last = put(f, a, 4), *third = last->parent, *second = third->parent;
    assert_null(prefix_resumable(last, f->pool));
    give_snapshot(f, third);
    assert_null(prefix_resumable(last, f->pool));
    give_window(f, third);
    assert_null(prefix_resumable(last, f->pool)); /* the token after it sees the second, too */
    give_window(f, second);
    assert_ptr_equal(prefix_resumable(last, f->pool), third);
    give_window(f, last);
    assert_ptr_equal(prefix_resumable(last, f->pool), third);
    assert_null(prefix_resumable(second, f->pool));
    give_snapshot(f, last);
    assert_ptr_equal(prefix_resumable(last, f->pool), last);
    give_snapshot(f, second->parent);
    give_window(f, second->parent);
    assert_ptr_equal(prefix_resumable(second, f->pool), second->parent);
    prefix_cache_use_fixed(&f->cache, third);
    assert_true(prefix_cache_evict_fixed(&f->cache)); /* the last one's: the others are newer */
    assert_ptr_equal(prefix_resumable(last, f->pool), third);
    for (int i = 0; i < FIXED; i++) assert_true(state_block_fixed(third->fixed)[i] == 3);
    assert_true(prefix_cache_evict_fixed(&f->cache));
    assert_null(second->parent->fixed);
    prefix_cache_drop_fixed(&f->cache, third);
    assert_false(prefix_cache_evict_fixed(&f->cache));
    assert_int_equal(f->cache.snapshots, 0);
    give_snapshot(f, last);
    prefix_cache_release(&f->cache, last);
    assert_true(prefix_cache_evict(&f->cache)); /* a node goes with its snapshot */
    assert_int_equal(f->cache.snapshots, 0);
    give_snapshot(f, third); /* and so does the whole tree */
}

static void memory_may_fail(void **state)
{
    prefix_cache c;
    (void)state;
    for (int n = 1; n < 3; n++) {
        mem_fail_at(n, false);
        assert_int_equal(prefix_cache_open(&c, BLOCKS), CADRE_ENOMEM);
        mem_fail_at(0, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_path_is_found_by_all_its_tokens, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(hashes_do_not_decide, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_oldest_leaf_goes_first, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(
            a_path_is_resumed_where_all_is_there, open_fixture, close_fixture),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
