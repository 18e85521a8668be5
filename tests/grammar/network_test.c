/* network_test.c - pieces that are put together read what they say, and each node knows how deep
 * calls have to go for its end. */
#include "grammar/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "grammar/written.h"

static void repeats_are_counted(void **state)
{
    (void)state;
    static const uint32_t bounds[][2] = { { 0, 0 }, { 0, 1 }, { 1, 1 }, { 2, 5 }, { 3, 3 },
        { 0, NETWORK_UNBOUNDED }, { 4, NETWORK_UNBOUNDED } };
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        network n;
        pushdown p;
        char text[64] = "";
        succeeds(network_open(&n, "N"));
        node_id ab = network_text(&n, "ab", 2, NETWORK_END);
        node_id end = network_byte(&n, '.', NETWORK_END);
        written_open(&n, network_repeat(&n, ab, bounds[i][0], bounds[i][1], end), &p);
        for (uint32_t count = 0; count < 12; count++) {
            bool in = count >= bounds[i][0] && count <= bounds[i][1];
            size_t size = (size_t)sprintf(text + 2 * count, ".") + 2 * count;
            assert_int_equal(written_bytes(&p, text, size), in);
            assert_false(written_bytes(&p, text, size - 1));
            sprintf(text + 2 * count, "ab");
        }
        written_close(&n, &p);
    }
}

/* "a" before what follows it, deeper and deeper: ( ( ( ) ) ). */
static node_id brackets(network *n)
{
    node_id value = network_place(n);
    node_id close = network_byte(n, ')', NETWORK_END);
    node_id open = network_byte(n, '(', network_either(n, close, network_call(n, value, close)));
    network_join(n, value, open);
    return value;
}

static void calls_return_to_where_they_were(void **state)
{
    (void)state;
    network n;
    pushdown p;
    char text[4 * NETWORK_DEPTH];
    succeeds(network_open(&n, "N"));
    written_open(&n, brackets(&n), &p);
    assert_true(written(&p, "()") && written(&p, "((()))"));
    assert_false(written(&p, "(()") || written(&p, "())") || written(&p, ""));
    int deepest = 0;
    for (int depth = 1; depth < 2 * NETWORK_DEPTH; depth++) {
        memset(text, '(', (size_t)depth);
        memset(text + depth, ')', (size_t)depth);
        if (!written_bytes(&p, text, (size_t)(2 * depth))) continue;
        assert_int_equal(deepest, depth - 1);
        deepest = depth;
    }
    assert_in_range(deepest, NETWORK_DEPTH / 2, NETWORK_DEPTH + 1);
    state_id at = p.start;
    int opened = 0;
    for (state_id next; (next = pushdown_step(&p, at, '(')); at = next) opened++;
    assert_int_equal(opened, deepest);
    written_close(&n, &p);
}

static void depth_is_that_of_the_shallowest_way(void **state)
{
    (void)state;
    network n;
    succeeds(network_open(&n, "N"));
    node_id leaf = network_byte(&n, 'x', NETWORK_END);
    node_id one = network_call(&n, leaf, NETWORK_END);
    node_id two = network_call(&n, one, NETWORK_END);
    node_id after = network_call(&n, leaf, two); /* the deeper of what is inside and what follows */
    node_id either = network_either(&n, two, leaf);
    node_id none = network_repeat(&n, two, 0, 5, NETWORK_END); /* may be left out */
    node_id some = network_repeat(&n, two, 1, 5, NETWORK_END);
    node_id dead = network_call(&n, NETWORK_DEAD, NETWORK_END);
    node_id itself = network_place(&n);
    network_join(&n, itself, network_call(&n, itself, NETWORK_END));
    node_id endless = network_place(&n);
    network_join(&n, endless, network_byte(&n, 'x', endless));
    succeeds(network_measure(&n));
    assert_int_equal(n.nodes[leaf].depth, 0);
    assert_int_equal(n.nodes[one].depth, 1);
    assert_int_equal(n.nodes[two].depth, 2);
    assert_int_equal(n.nodes[after].depth, 2);
    assert_int_equal(n.nodes[either].depth, 0);
    assert_int_equal(n.nodes[none].depth, 0);
    assert_int_equal(n.nodes[some].depth, 3);
    assert_int_equal(n.nodes[dead].depth, NETWORK_NEVER);
    assert_int_equal(n.nodes[itself].depth, NETWORK_NEVER);
    assert_int_equal(n.nodes[endless].depth, NETWORK_NEVER);
    network_free(&n);
}

/* A way that leads nowhere is never entered, so that no byte is written in vain. */
static void dead_ways_are_not_entered(void **state)
{
    (void)state;
    network n;
    pushdown p;
    succeeds(network_open(&n, "N"));
    node_id never = network_text(&n, "ab", 2, network_call(&n, NETWORK_DEAD, NETWORK_END));
    node_id right = network_text(&n, "ac", 2, NETWORK_END);
    written_open(&n, network_either(&n, never, right), &p);
    state_id at = pushdown_step(&p, p.start, 'a');
    assert_true(at != 0);
    assert_int_equal(pushdown_step(&p, at, 'b'), 0);
    assert_true(p.states[pushdown_step(&p, at, 'c')].ends);
    written_close(&n, &p);
}

static void a_state_does_not_depend_on_what_was_read_before(void **state)
{
    (void)state;
    network n;
    pushdown p;
    succeeds(network_open(&n, "N"));
    written_open(&n, brackets(&n), &p);
    state_id first = pushdown_step(&p, p.start, '(');
    state_id second = pushdown_step(&p, first, '(');
    assert_true(second && second != first);
    size_t states = p.state_count, bytes = pushdown_bytes(&p);
    for (int i = 0; i < 50; i++) assert_int_equal(pushdown_step(&p, p.start, '('), first);
    assert_true(p.state_count - states <= 1 && pushdown_bytes(&p) >= bytes);
    pushdown_forget(&p);
    assert_true(p.state_count < states);
    assert_true(written(&p, "(())"));
    written_close(&n, &p);
}

static void the_first_failure_stays(void **state)
{
    (void)state;
    network n;
    succeeds(network_open(&n, "S"));
    for (int i = 0; i <= NETWORK_NODES_MAX; i++) network_place(&n);
    assert_int_equal(n.status, CADRE_EUNSUPPORTED);
    assert_non_null(strstr(cadre_last_error(), "S: expected a schema of at most 400000 states"));
    assert_int_equal(network_byte(&n, 'a', NETWORK_END), NETWORK_DEAD);
    network_join(&n, NETWORK_DEAD, NETWORK_END);
    assert_int_equal(network_measure(&n), CADRE_EUNSUPPORTED);
    network_free(&n);
    assert_int_equal(n.status, CADRE_EUNSUPPORTED);
    succeeds(network_open(&n, "S"));
    network_edge edge = { 'a', 'a', NETWORK_END };
    for (int i = 0; i < 1000; i++) network_bytes(&n, &edge, 1, false);
    node_id targets[2000] = { 0 };
    for (int i = 0; n.status == CADRE_OK && i < 1000; i++) network_split(&n, targets, 2000);
    assert_int_equal(n.status, CADRE_EUNSUPPORTED);
    assert_true(n.edge_count <= NETWORK_EDGES_MAX);
    network_free(&n);
}

static cadre_status make_all(void)
{
    network n;
    pushdown p;
    CADRE_TRY(network_open(&n, "N"));
    node_id root = brackets(&n);
    cadre_status status = network_measure(&n);
    if (status == CADRE_OK) status = pushdown_open(&p, &n, root);
    if (status == CADRE_OK) {
        bool taken = written(&p, "((()))");
        status = p.status;
        assert_true(taken || status == CADRE_ENOMEM);
        pushdown_close(&p);
    }
    network_free(&n);
    return status;
}

static void memory_may_fail(void **state)
{
    (void)state;
    cadre_status status = CADRE_ENOMEM;
    int64_t before = mem_balance();
    for (int k = 1; status == CADRE_ENOMEM; k++) {
        assert_true(k < 100);
        mem_fail_at(k, k % 2);
        status = make_all();
        mem_fail_at(0, false);
        assert_int_equal(mem_balance(), before);
    }
    succeeds(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_are_counted),
        cmocka_unit_test(calls_return_to_where_they_were),
        cmocka_unit_test(depth_is_that_of_the_shallowest_way),
        cmocka_unit_test(dead_ways_are_not_entered),
        cmocka_unit_test(a_state_does_not_depend_on_what_was_read_before),
        cmocka_unit_test(the_first_failure_stays),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
