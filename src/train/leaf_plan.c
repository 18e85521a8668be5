/* leaf_plan.c - walks the leaves of a step from left to right and keeps a list of the nodes whose
 * sums are complete. When two neighbours in the list are the two halves of a node, their sums are
 * added, and the node takes their place. */
#include "train/leaf_plan.h"

#include <assert.h>

enum { FEW = 8, LEAST_TOKENS = 256 };

int32_t leaf_count(int64_t batch, int64_t context)
{
    int32_t count = batch < FEW ? (int32_t)batch : FEW;
    while (count >= FEW && 2 * count <= batch && 2 * count <= LEAVES_MOST &&
           batch * context / (2 * count) >= LEAST_TOKENS)
        count *= 2;
    return count;
}

static int64_t first_of_leaf(const leaf_plan *p, int64_t leaf)
{
    return leaf * p->batch / p->leaves;
}

static int64_t first_of_micro_batch(const leaf_plan *p, int64_t micro_batch)
{
    return micro_batch * p->batch / p->micro_batches;
}

/* The leaf that begins with this sequence; -1: no leaf begins there */
static int32_t leaf_at(const leaf_plan *p, int64_t sequence)
{
    for (int32_t i = 0; i <= p->leaves; i++)
        if (first_of_leaf(p, i) == sequence) return i;
    return -1;
}

cadre_status leaf_plan_check(const leaf_plan *p)
{
    for (int64_t i = 0; p->ranks > 1 && i < p->micro_batches; i++) {
        int32_t begin = leaf_at(p, first_of_micro_batch(p, i)),
                end = leaf_at(p, first_of_micro_batch(p, i + 1));
        if (begin >= 0 && end - begin >= p->ranks) continue;
        cadre_fail(CADRE_EARGUMENT, NULL,
            "expert times data: expected at most %d ranks, which is the batch of %lld sequences in "
            "%d leaves, divided by --accumulate %lld; found %d",
            (int)(p->leaves / p->micro_batches), (long long)p->batch, p->leaves,
            (long long)p->micro_batches, p->ranks);
        cadre_fail_advice(
            "sums over the batch have the same bits for every number of ranks because "
            "no leaf is cut; a larger --batch has more of them");
        return CADRE_EARGUMENT;
    }
    return CADRE_OK;
}

/* ---- which sequences ---- */

/* The sequences begin .. end - 1 of the batch that this rank has in a micro-batch */
static void range_of(const leaf_plan *p, int64_t micro_batch, int64_t *begin, int64_t *end)
{
    *begin = first_of_micro_batch(p, micro_batch);
    *end = first_of_micro_batch(p, micro_batch + 1);
    if (p->ranks == 1) return;
    int64_t first = leaf_at(p, *begin), count = leaf_at(p, *end) - first;
    *begin = first_of_leaf(p, first + count * p->rank / p->ranks);
    *end = first_of_leaf(p, first + count * (p->rank + 1) / p->ranks);
}

int64_t leaf_plan_most_sequences(const leaf_plan *p)
{
    int64_t most = 0, begin, end;
    for (int64_t i = 0; i < p->micro_batches; i++) {
        range_of(p, i, &begin, &end);
        if (end - begin > most) most = end - begin;
    }
    return most;
}

/* ---- nodes ---- */

static int32_t free_slot(const leaf_sums *s)
{
    int32_t slot = 0;
    for (int32_t i = 0; i < s->count; i++)
        if (s->node[i].slot == slot) slot++, i = -1;
    return slot;
}

static bool are_halves(const leaf_node *a, const leaf_node *b)
{
    return a->level >= 0 && a->level == b->level && a->index % 2 == 0 && b->index == a->index + 1;
}

static void add_run(leaf_micro_batch *out, int32_t begin, int32_t end, leaf_mode mode, int32_t slot)
{
    assert(out->runs < LEAF_RUNS);
    out->run[out->runs++] = (leaf_run){ begin, end, mode, slot };
}

static void push(leaf_sums *s, int32_t level, int32_t index)
{
    assert(s->count < LEAF_NODES);
    s->node[s->count] = (leaf_node){ level, index, free_slot(s) };
    s->count++;
}

static bool has_joins(const leaf_sums *s)
{
    for (int32_t i = 1; i < s->count; i++)
        if (are_halves(&s->node[i - 1], &s->node[i])) return true;
    return false;
}

/* Adds a node whose leaves, from `begin` on, are all in this micro-batch. If the node before it in
 * the list is the other half of its parent, and no additions before that are pending, its sum is
 * added to that node's; otherwise it gets a slot of its own. */
static void enter_node(leaf_sums *s, leaf_micro_batch *out, int32_t begin, leaf_node node)
{
    leaf_node *last = s->count ? &s->node[s->count - 1] : NULL;
    bool adds = last && are_halves(last, &node) && !has_joins(s);
    int32_t end = begin + (1 << node.level);
    if (!adds) push(s, node.level, node.index);
    add_run(out, begin, end, adds ? LEAF_ADD : LEAF_WRITE, s->node[s->count - 1].slot);
    if (!adds) return;
    last->level++;
    last->index /= 2;
}

/* Adds a piece of a leaf, whose other pieces are in other micro-batches; ends: it is the last
 * one */
static void enter_piece(leaf_sums *s, leaf_micro_batch *out, int32_t at, int32_t leaf, bool ends)
{
    leaf_node *last = s->count ? &s->node[s->count - 1] : NULL;
    bool continues = last && last->level < 0 && last->index == leaf;
    if (!continues) push(s, -1, leaf);
    last = &s->node[s->count - 1];
    add_run(out, at, at + 1, continues ? LEAF_CONTINUE : LEAF_WRITE, last->slot);
    if (ends) last->level = 0;
}

static void join(leaf_sums *s, leaf_micro_batch *out, int32_t i)
{
    leaf_node *left = &s->node[i];
    out->join[out->joins++] = (leaf_join){ s->node[i + 1].slot, left->slot };
    left->level++;
    left->index /= 2;
    s->count--;
    for (int32_t j = i + 1; j < s->count; j++) s->node[j] = s->node[j + 1];
}

static void join_halves(leaf_sums *s, leaf_micro_batch *out)
{
    for (int32_t i = 0; i + 1 < s->count; i++)
        if (are_halves(&s->node[i], &s->node[i + 1])) {
            join(s, out, i);
            i = -1;
        }
}

void leaf_plan_end(leaf_sums *sums, leaf_micro_batch *out)
{
    out->runs = out->joins = 0;
    while (sums->count > 1) join(sums, out, sums->count - 2);
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* The level of the largest node that begins with leaf i and ends at or before leaf `end` */
static int32_t level_at(int32_t i, int32_t end)
{
    int32_t level = 0;
    while (i % (2 << level) == 0 && i + (2 << level) <= end) level++;
    return level;
}

void leaf_plan_micro_batch(
    const leaf_plan *p, int64_t micro_batch, leaf_sums *sums, leaf_micro_batch *out)
{
    int64_t begin, end;
    range_of(p, micro_batch, &begin, &end);
    *out = (leaf_micro_batch){ .first = begin, .sequences = end - begin };
    int32_t first = 0, last, whole;
    while (first_of_leaf(p, first + 1) <= begin) first++;
    for (last = first; first_of_leaf(p, last) < end; last++)
        out->start[out->leaves++] = later(first_of_leaf(p, last) - begin, 0);
    out->start[out->leaves] = end - begin;
    whole = first_of_leaf(p, last) > end ? last - 1 : last; /* the end of the complete leaves */
    if (begin == 0 && end == p->batch) {
        push(sums, LEAVES_LEVELS, 0);
        add_run(out, 0, p->leaves, LEAF_WRITE, sums->node[0].slot);
        return;
    }
    for (int32_t i = first; i < last;) {
        bool piece = first_of_leaf(p, i) < begin || i >= whole;
        if (piece) enter_piece(sums, out, i - first, i, first_of_leaf(p, i + 1) <= end);
        else {
            int32_t level = level_at(i, whole);
            enter_node(sums, out, i - first, (leaf_node){ level, i >> level, 0 });
            i += (1 << level) - 1;
        }
        i++;
    }
    join_halves(sums, out);
}

int32_t leaf_plan_slots(const leaf_plan *p)
{
    int32_t most = 1;
    leaf_sums sums = { 0 };
    leaf_micro_batch micro_batch;
    for (int64_t i = 0; i < p->micro_batches; i++) {
        leaf_plan_micro_batch(p, i, &sums, &micro_batch);
        for (int32_t j = 0; j < micro_batch.runs; j++)
            if (micro_batch.run[j].to >= most) most = (int32_t)micro_batch.run[j].to + 1;
    }
    return most;
}
