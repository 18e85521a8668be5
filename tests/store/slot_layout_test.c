/* slot_layout_test.c - pieces are whole pages, and every range is at the same place within a page
 * as in its file. */
#include "store/slot_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/direct_file.h"

static void expect_order(const expert_record *r, const slot_layout *l)
{
    int64_t at = 0;
    for (int i = 0; i < l->pieces; i++) {
        const slot_piece *p = &l->piece[i];
        assert_true(p->offset % DIRECT_PAGE == 0 && p->bytes % DIRECT_PAGE == 0);
        assert_true(p->at == at && p->least > 0 && p->least <= p->bytes);
        at += p->bytes;
    }
    assert_int_equal(l->bytes, at);
    for (int i = 0; i < EXPERT_RANGES; i++) {
        const file_range *x = &r->range[i];
        assert_true((l->at[i] >= 0) == (x->bytes > 0));
        if (!x->bytes) continue;
        int n = 0;
        while (l->piece[n].at + l->piece[n].bytes <= l->at[i]) n++;
        const slot_piece *p = &l->piece[n];
        assert_true(p->file == x->file && x->offset - p->offset == l->at[i] - p->at);
        assert_true(x->offset + x->bytes <= p->offset + p->least);
    }
}

static void fused_tensors_are_three_pieces(void **state)
{
    expert_record r = { .range = { { 0, 64 + 100 * 4096, 40000 }, { 0, 64 + 900 * 4096, 40000 },
                            { 0, 64, 40000 } } };
    slot_layout l;
    (void)state;
    slot_layout_of(&r, &l);
    expect_order(&r, &l);
    assert_int_equal(l.pieces, 3);
    assert_int_equal(l.at[2], 64); /* the first in the file */
    assert_int_equal(l.bytes, 3 * 10 * 4096);
}

static void neighbours_are_one_piece(void **state)
{
    /* up begins where gate ends; down is in the page in which up ends */
    expert_record r = { .range = { { 1, 5000, 10000 }, { 1, 15000, 10000 }, { 1, 25500, 300 } } };
    slot_layout l;
    (void)state;
    slot_layout_of(&r, &l);
    expect_order(&r, &l);
    assert_int_equal(l.pieces, 1);
    assert_int_equal(l.at[1], l.at[0] + 10000);
    r.range[2].file = 2; /* the same place in another file */
    slot_layout_of(&r, &l);
    expect_order(&r, &l);
    assert_int_equal(l.pieces, 2);
}

/* Ranges in neighbouring pages are read together. */
static void pages_side_by_side_are_one_piece(void **state)
{
    expert_record r = { .range = { { 0, 0, 4096 }, { 0, 4096, 4096 }, { 0, 2 * 4096 + 1, 9 } } };
    slot_layout l;
    (void)state;
    slot_layout_of(&r, &l);
    expect_order(&r, &l);
    assert_int_equal(l.pieces, 1);
    assert_int_equal(l.bytes, 3 * 4096);
    r.range[2].offset = 3 * 4096; /* one page lies between */
    slot_layout_of(&r, &l);
    expect_order(&r, &l);
    assert_int_equal(l.pieces, 2);
}

static void scales_and_gaps(void **state)
{
    expert_record r = { .range = { [0] = { 0, 1 << 20, 5000 },
                            [2] = { 0, 2 << 20, 5000 },
                            [3] = { 0, 3 << 20, 7 },
                            [5] = { 0, 4095, 2 } } };
    slot_layout l;
    (void)state;
    slot_layout_of(&r, &l);
    expect_order(&r, &l);
    assert_int_equal(l.pieces, 4);
    slot_layout_of(&(expert_record){ 0 }, &l);
    assert_true(!l.pieces && !l.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fused_tensors_are_three_pieces),
        cmocka_unit_test(neighbours_are_one_piece),
        cmocka_unit_test(pages_side_by_side_are_one_piece), cmocka_unit_test(scales_and_gaps) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
