/* sequence_state_test.c - where the past of a sequence lies: every row and every fixed part has
 * memory of its own, to the last element of it. The bounds are computed here as well, for a build
 * that no sanitizer watches. */
#include "mixer/sequence_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/kept_rows.h"

/* Three kinds of state: keys and values; keys that are the values too; a fixed part alone. */
static mixer_state_size pairs(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .key_row = 6, .value_row = 4, .fixed = 5 };
}
static mixer_state_size keys_alone(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .key_row = 3 };
}
static mixer_state_size fixed_alone(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .fixed = 7 };
}

static const mixer kinds[] = { { .name = "pairs", .state = pairs, .rewinds = true },
    { .name = "keys alone", .state = keys_alone, .rewinds = true },
    { .name = "fixed alone", .state = fixed_alone, .rewinds = true } };
enum { LAYERS = 5, TOKENS = 2 * STATE_BLOCK };
static const mixer_config configs[LAYERS] = { { .row = &kinds[0] }, { .row = &kinds[1] },
    { .row = &kinds[0] }, { .row = &kinds[2] }, { .row = &kinds[0] } };

static void open_state(sequence_state *s, int64_t layers)
{
    const mixer_config *mixers[LAYERS];
    for (int l = 0; l < LAYERS; l++) mixers[l] = &configs[l];
    assert_int_equal(sequence_state_open(s, mixers, layers, TOKENS - 1), CADRE_OK);
    assert_int_equal(s->capacity, TOKENS);
}

/* A number that no other element has. */
static real mark(int64_t layer, int64_t token, int64_t i)
{
    return (real)((layer * TOKENS + token) * 16 + i + 1);
}

static void fill(sequence_state *s)
{
    assert_int_equal(sequence_state_reserve(s, TOKENS), CADRE_OK);
    for (int64_t l = 0; l < s->layers; l++) {
        mixer_state_size size = s->layer[l].size;
        real keys[TOKENS * 6], values[TOKENS * 4];
        for (int64_t t = 0; t < TOKENS; t++) {
            for (int64_t i = 0; i < size.key_row; i++) keys[t * size.key_row + i] = mark(l, t, i);
            for (int64_t i = 0; i < size.value_row; i++)
                values[t * size.value_row + i] = mark(l, t, 8 + i);
        }
        if (size.key_row) sequence_state_put(s, l, TOKENS, keys, values);
        for (int64_t i = 0; i < size.fixed; i++) s->layer[l].next[i] = -mark(l, 0, i);
    }
    sequence_state_advance(s, TOKENS);
}

/* there: after fill; else no token is held, and fixed parts are 0 */
static void check_layer(const sequence_state *s, int64_t l, bool there)
{
    kv_view view = sequence_state_view(s, l);
    mixer_state_size size = s->layer[l].size;
    for (int64_t t = 0; t < TOKENS && there; t++) {
        int64_t block = t / STATE_BLOCK;
        for (int64_t i = 0; i < size.key_row; i++)
            assert_true(kept_key(&view, t, i) == mark(l, t, i));
        for (int64_t i = 0; i < size.value_row; i++)
            assert_true(kept_value(&view, t, i) == mark(l, t, 8 + i));
        if (!size.value_row && size.key_row) assert_ptr_equal(view.keys[block], view.values[block]);
    }
    for (int64_t i = 0; i < size.fixed; i++)
        assert_true(s->layer[l].fixed[i] == (there ? -mark(l, 0, i) : 0));
}

/* Of any number of layers, so that each of them is the last one once. */
static void test_every_element_has_memory_of_its_own(void **state)
{
    (void)state;
    for (int64_t layers = 1; layers <= LAYERS; layers++) {
        sequence_state s, copy;
        open_state(&s, layers);
        assert_int_equal(sequence_state_open_beside(&copy, &s, TOKENS - 1), CADRE_OK);
        fill(&s);
        assert_true(sequence_state_share(&copy, &s, TOKENS));
        for (int64_t l = 0; l < layers; l++) check_layer(&s, l, true);
        for (int64_t l = 0; l < layers; l++) check_layer(&copy, l, true);
        assert_true(sequence_state_rewind(&s, 0));
        for (int64_t l = 0; l < layers; l++) check_layer(&s, l, false);
        sequence_state_close(&s);
        sequence_state_close(&copy);
    }
}

/* All of the fixed parts and of the lists is used, from its first element to its last; where rows
 * lie is the pool's (state_pool_test.c). */
static void test_nothing_lies_outside(void **state)
{
    (void)state;
    sequence_state s;
    enum { BLOCKS = TOKENS / STATE_BLOCK };
    int64_t fixed = 0;
    open_state(&s, LAYERS);
    for (int64_t l = 0; l < LAYERS; l++) {
        const layer_state *own = &s.layer[l];
        assert_ptr_equal(own->fixed, s.fixed + fixed);
        assert_ptr_equal(own->next, s.next + fixed);
        fixed += own->size.fixed;
        assert_ptr_equal(own->keys, s.lists + 2 * l * BLOCKS);
        assert_ptr_equal(own->values, own->keys + BLOCKS);
    }
    assert_int_equal(s.pool->fixed, fixed);
    sequence_state_close(&s);
}

/* ---- layers with a window ---- */

enum { WINDOW = 100, LONG = 20 * STATE_BLOCK };

static mixer_state_size rows_seen(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .key_row = 2, .value_row = 1, .window = WINDOW };
}

static const mixer seen = { .name = "seen", .state = rows_seen, .rewinds = true };
static const mixer_config with_window = { .row = &seen };
static const mixer_config *const windowed[3] = { &with_window, &configs[1], &with_window };

static void read_on(sequence_state *s, int64_t tokens, real text)
{
    assert_int_equal(sequence_state_reserve(s, tokens), CADRE_OK);
    for (int64_t l = 0; l < 3; l++)
        for (int64_t t = 0; t < tokens; t++) {
            real row[8];
            for (int64_t i = 0; i < 8; i++) row[i] = text + (real)(s->length + t);
            s->length += t;
            sequence_state_put(s, l, 1, row, row);
            s->length -= t;
        }
    sequence_state_advance(s, tokens);
}

/* What the next token sees is there, in every layer. */
static void next_sees(const sequence_state *s, real text, int64_t from, int64_t end)
{
    for (int64_t l = 0; l < 3; l++) {
        kv_view view = sequence_state_view(s, l);
        int64_t first = l == 1 ? 0 : s->length - WINDOW + 1;
        for (int64_t t = first > from ? first : from; t < end; t++)
            assert_true(kept_key(&view, t, 0) == text + (real)t);
    }
}

static int64_t in_use(const sequence_state *s, state_kind kind)
{
    return s->pool->supply[kind].count - state_pool_room(s->pool, kind);
}

static void test_a_window_alone_is_held(void **state)
{
    (void)state;
    static const int64_t passes[] = { 1, 7, STATE_BLOCK, 150 };
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        int64_t pass = passes[i], most = state_window_blocks(WINDOW, LONG, pass), peak = 0;
        sequence_state s;
        assert_int_equal(sequence_state_open(&s, windowed, 3, LONG), CADRE_OK);
        while (s.length + pass <= LONG) {
            read_on(&s, pass, 0);
            next_sees(&s, 0, 0, s.length);
            int64_t held = in_use(&s, STATE_WINDOW);
            peak = held > peak ? held : peak;
            assert_int_equal(in_use(&s, STATE_WHOLE), state_blocks(s.length));
        }
        assert_true(peak <= most && peak >= most - 2);
        assert_true(most < LONG / STATE_BLOCK / 2);
        sequence_state_trim(&s);
        assert_true(in_use(&s, STATE_WINDOW) <= (WINDOW + 62) / STATE_BLOCK + 2);
        assert_true(sequence_state_rewind(&s, 0));
        assert_int_equal(in_use(&s, STATE_WINDOW), 0);
        sequence_state_close(&s);
    }
    assert_int_equal(state_window_blocks(WINDOW, 50, 50), 1);
    assert_int_equal(state_window_blocks(0, LONG, 1), 0);
    assert_int_equal(state_window_blocks(INT64_MAX, LONG, INT64_MAX), LONG / STATE_BLOCK);
}

/* Back by a block at least; never to where something that is seen is gone. */
static void test_a_window_bounds_going_back(void **state)
{
    (void)state;
    sequence_state s, fork;
    assert_int_equal(sequence_state_open(&s, windowed, 3, LONG), CADRE_OK);
    assert_int_equal(sequence_state_open_beside(&fork, &s, LONG), CADRE_OK);
    for (int64_t length = STATE_BLOCK; length <= 600; length++) {
        read_on(&s, length - s.length, 0);
        sequence_state_trim(&s);
        assert_true(sequence_state_can_rewind(&s, length - STATE_BLOCK));
        int64_t back = length - STATE_BLOCK;
        while (back > 0 && sequence_state_can_rewind(&s, back - 1)) back--;
        assert_true(length < 300 || back > length - 3 * STATE_BLOCK);
        for (int64_t p = back; p < length && back; p++)
            assert_true(sequence_state_can_rewind(&s, p));
        assert_true(back <= 1 || !sequence_state_rewind(&s, back - 1));
        assert_true(sequence_state_share(&fork, &s, back));
        next_sees(&fork, 0, 0, back);
        read_on(&fork, 70, 5000); /* writes copies of what it shares */
        next_sees(&fork, 0, 0, back);
        next_sees(&fork, 5000, back, fork.length);
        next_sees(&s, 0, 0, s.length);
    }
    assert_false(sequence_state_share(&fork, &s, 100));
    sequence_state_close(&s);
    sequence_state_close(&fork);
}

/* ---- memory ---- */

static void test_memory_that_runs_out(void **state)
{
    (void)state;
    const mixer_config *mixers[] = { &configs[0], &configs[1] };
    int64_t before = mem_balance();
    sequence_state s;
    long n = 1;
    for (bool reached = true; reached; n++) {
        mem_fail_at(n, false);
        cadre_status status = sequence_state_open(&s, mixers, 2, TOKENS);
        reached = mem_count() >= n;
        mem_fail_at(0, false);
        assert_int_equal(status, reached ? CADRE_ENOMEM : CADRE_OK);
    }
    assert_true(n > 8); /* the pool has some, and the sequence five */
    sequence_state_close(&s);
    assert_int_equal(mem_balance(), before);
}

static void test_no_address_space_is_enough(void **state)
{
    (void)state;
    const mixer_config *mixers[] = { &configs[0] };
    sequence_state s;
    assert_int_equal(sequence_state_open(&s, mixers, 1, INT64_MAX / 4), CADRE_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_element_has_memory_of_its_own),
        cmocka_unit_test(test_nothing_lies_outside),
        cmocka_unit_test(test_a_window_alone_is_held),
        cmocka_unit_test(test_a_window_bounds_going_back),
        cmocka_unit_test(test_memory_that_runs_out),
        cmocka_unit_test(test_no_address_space_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
