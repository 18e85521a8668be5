/* expert_slots.c - slots filled, handed out and poisoned. */
#include "support/expert_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { ALIGN = 64, POISON = 0xFF }; /* NaN in every format of plain numbers, and as a scale */

static const void **table_of(expert_slots *s, int part) { return s->table + part * s->most; }

/* ---- the parts of an expert ---- */

static const weight *matrix_of(const expert_weights *w, int part)
{
    const weight *const list[] = { &w->gate, &w->up, &w->down };
    return list[part % 3];
}

static size_t factor_bytes(const weight *m)
{
    const number_block_scale_form *form = m->block_scales.form;
    if (!form) return 0;
    int64_t rows = (m->rows + form->rows - 1) / form->rows;
    return (
        size_t)((rows - 1) * m->block_scales.stride + number_block_scale_bytes(form, 1, m->cols));
}

static size_t part_bytes(const expert_weights *w, int part)
{
    const weight *m = matrix_of(w, part);
    if (part >= 3) return factor_bytes(m);
    int64_t count = m->rows ? (m->rows - 1) * m->stride + m->cols : 0;
    return m->format ? number_row_bytes(m->format, count) : (size_t)count * sizeof(real);
}

static bool can_join(const expert_slots *s, const expert_weights *w)
{
    return s->joined && w->up.rows && w->gate.stride == w->gate.cols &&
           w->up.stride == w->up.cols && w->gate.format == w->up.format &&
           !w->gate.block_scales.form;
}

/* Where a part begins in a slot. */
static size_t part_at(const expert_slots *s, const expert_weights *w, int part)
{
    size_t at = 0;
    for (int i = 0; i < part; i++) {
        at += part_bytes(w, i);
        if (i || !can_join(s, w)) at += ALIGN + (ALIGN - at % ALIGN) % ALIGN;
    }
    return at;
}

size_t expert_slots_room(const expert_slots *s, const expert_weights *w)
{
    return part_at(s, w, EXPERT_PARTS);
}

cadre_status expert_slots_copy(
    void *arg, const expert_wave *w, int32_t expert, int part, void *to, size_t bytes)
{
    matrix m = weight_matrix(matrix_of(w->opened, part), expert);
    (void)arg;
    memcpy(to, part < 3 ? m.data : m.block_scales.at, bytes);
    return CADRE_OK;
}

/* ---- slots ---- */

static expert_slot *slot_of(const expert_slots *s, int64_t layer, int32_t expert)
{
    for (int32_t i = 0; i < s->slots; i++)
        if (s->slot[i].expert == expert && s->slot[i].layer == layer) return &s->slot[i];
    return NULL;
}

/* An empty slot, or the next in turn that no wave uses. */
static expert_slot *make_room(expert_slots *s)
{
    for (int32_t i = 0; i < s->slots; i++) {
        expert_slot *slot = &s->slot[(s->evictions + i) % s->slots];
        if (slot->used) continue;
        s->evictions += slot->expert >= 0;
        memset(slot->bytes, POISON, s->room);
        slot->expert = -1;
        return slot;
    }
    return NULL;
}

static cadre_status fill(expert_slots *s, const expert_wave *w, int32_t expert, expert_slot *slot)
{
    for (int part = 0; part < EXPERT_PARTS; part++) {
        size_t bytes = part_bytes(w->opened, part), at = part_at(s, w->opened, part);
        assert_true(at + bytes <= s->room);
        if (bytes) CADRE_TRY(s->read(s->arg, w, expert, part, slot->bytes + at, bytes));
    }
    s->reads++;
    slot->layer = w->layer, slot->expert = expert;
    return CADRE_OK;
}

/* Lets the wave have the expert at `at` of its list, which moves to those that are held. */
static void hold(expert_slots *s, expert_wave *w, int32_t at, expert_slot *slot)
{
    int32_t expert = w->experts[at];
    w->experts[at] = w->experts[w->held];
    w->experts[w->held++] = expert;
    slot->used = true;
    for (int part = 0; part < EXPERT_PARTS; part++)
        table_of(s, part)[expert] =
            part_bytes(w->opened, part) ? slot->bytes + part_at(s, w->opened, part) : NULL;
}

static void let_go(expert_slots *s)
{
    for (int32_t i = 0; i < s->slots; i++) s->slot[i].used = false;
    memset(s->table, 0, (size_t)(EXPERT_PARTS * s->most) * sizeof *s->table);
}

/* ---- the source ---- */

static expert_slots *slots_of(expert_source *source) { return (expert_slots *)source; }

static void make_view(expert_slots *s, const expert_weights *opened)
{
    weight *const mine[] = { &s->view.gate, &s->view.up, &s->view.down };
    s->view = *opened;
    s->view.joined = can_join(s, opened);
    for (int i = 0; i < 3; i++) {
        mine[i]->expert = table_of(s, i);
        mine[i]->expert_block_scales = mine[i]->block_scales.form ? table_of(s, i + 3) : NULL;
    }
}

static cadre_status take_experts(expert_slots *s, expert_wave *w)
{
    expert_slot *slot;
    for (int32_t i = w->count; i-- > w->held;)
        if ((slot = slot_of(s, w->layer, w->experts[i]))) hold(s, w, i++, slot);
    for (int32_t i = w->count - 1; i >= w->held && (slot = make_room(s)); i--) {
        CADRE_TRY(fill(s, w, w->experts[i], slot));
        hold(s, w, i++, slot);
    }
    return CADRE_OK;
}

static cadre_status acquire(expert_source *source, expert_wave *w)
{
    expert_slots *s = slots_of(source);
    if (++s->waves == s->fails_at)
        return cadre_fail(CADRE_EIO, "slots", "expected an expert, found a broken disk");
    w->held = 0;
    make_view(s, w->opened);
    cadre_status status = take_experts(s, w);
    if (status != CADRE_OK) let_go(s);
    w->weights = &s->view;
    return status;
}

static void release(expert_source *source, const expert_wave *w)
{
    expert_slots *s = slots_of(source);
    for (int32_t i = 0; i < w->held; i++) assert_true(slot_of(s, w->layer, w->experts[i])->used);
    let_go(s);
}

static void prefetch(expert_source *source, int64_t layer, const plan *p)
{
    (void)layer;
    slots_of(source)->prefetches += p->experts > 0;
}

void expert_slots_open(expert_slots *s, int32_t slots, int32_t most, size_t room)
{
    *s = (expert_slots){ .source = { .prefetch = prefetch, .acquire = acquire, .release = release },
        .read = expert_slots_copy,
        .slot = MEM_ARRAY(expert_slot, slots),
        .slots = slots,
        .most = most,
        .room = room,
        .table = MEM_ARRAY(const void *, EXPERT_PARTS *most) };
    assert_true(s->slot && s->table);
    for (int32_t i = 0; i < slots; i++) {
        s->slot[i] = (expert_slot){ .expert = -1, .bytes = MEM_ARRAY(uint8_t, room) };
        assert_non_null(s->slot[i].bytes);
    }
}

void expert_slots_close(expert_slots *s)
{
    for (int32_t i = 0; i < s->slots; i++) {
        assert_false(s->slot[i].used);
        mem_free(s->slot[i].bytes);
    }
    mem_free(s->slot);
    mem_free(s->table);
}
