/* optimizer_ranks.c - how ranks divide the optimiser's blocks, and how the norm of the gradient
 * counts every block of the model once, in the order of the whole model. */
#include <math.h>
#include <string.h>

#include "kernel/rows.h"
#include "op/batch.h"
#include "train/optimizer_method.h"

/* ---- which blocks a rank owns ---- */

static bool is_same(const param *a, const param *b)
{
    return a->role == b->role && a->layer == b->layer && a->expert == b->expert &&
           a->encoder == b->encoder;
}

/* Divides the elements of the dense parameters about evenly. A slice begins with a block, or with a
 * parameter if the method updates each as a whole. */
static void cut_dense(const optimizer *o, const optimizer_share *s)
{
    int ranks = s->owners->size, next = 1;
    s->first[0] = 0;
    for (int64_t i = 0; i < o->count; i++) {
        int64_t offset =
            o->blocks[i].offset; /* blocks of experts, after s->dense, are among them */
        if (!o->method->ranks && o->blocks[i].begin > 0) continue;
        while (offset < s->dense && next < ranks && offset >= s->dense * next / ranks)
            s->first[next++] = offset;
    }
    while (next <= ranks) s->first[next++] = s->dense;
}

static void own_blocks(optimizer *o, const optimizer_share *s)
{
    int64_t begin = s->first[s->owners->rank], end = s->first[s->owners->rank + 1];
    for (int64_t i = 0; i < o->count; i++) {
        block *b = &o->blocks[i];
        const param *p = &o->table->rows[b->param];
        bool elsewhere = s->adapted && p->expert >= 0 &&
                         !param_share_has_expert(s->adapted, &s->held, p->layer, p->expert);
        b->owned = b->offset >= s->dense ? !elsewhere : b->offset >= begin && b->offset < end;
    }
}

/* Whether this rank has some rows of the parameter, and not all */
static bool is_cut(const param *p) { return p->whole != (param_is_vector(p) ? p->cols : p->rows); }

/* Whether this rank counts the parameter in the gradient's norm */
static bool counts(const optimizer_share *s, const param *p)
{
    if (p->role == ROLE_EMBED && !s->counts_embedding) return false;
    return is_cut(p) || param_is_expert(p->role) || s->counts_whole;
}

/* Sets the places of the parameter's blocks; place: that of the whole parameter's first block */
static void place_parameter(
    block *b, const optimizer_share *s, const param *p, const param *whole, int64_t place)
{
    int64_t before = param_elements_before(p), size = whole->rows * whole->cols;
    for (int64_t i = 0; i < optimizer_blocks_of(p); i++, b++) {
        int64_t begin = before / BLOCK * BLOCK + i * BLOCK, rest = size - begin;
        b->place = place + before / BLOCK + i;
        b->at = i ? 0 : before % BLOCK;
        b->is_piece = b->count < (rest < BLOCK ? rest : BLOCK);
        b->counted = b->owned && counts(s, p) && !b->is_piece;
        b->is_piece = b->is_piece && b->owned && counts(s, p);
    }
}

static void place_blocks(optimizer *o, const param_table *table, const optimizer_share *s)
{
    int64_t place = 0;
    block *b = o->blocks;
    const param *p = table->rows, *end = p + table->count;
    for (int64_t i = 0; i < s->whole->count; i++) {
        const param *whole = &s->whole->rows[i];
        if (p < end && is_same(p, whole)) {
            place_parameter(b, s, p, whole, place);
            b += optimizer_blocks_of(p++);
        }
        place += optimizer_blocks_of(whole);
    }
}

/* ---- the blocks of all ranks ---- */

static void layout_gathered(optimizer *o, int64_t pieces, int64_t elements)
{
    arena *a = &o->gathered;
    int ranks = o->ranks->size;
    o->from = ARENA_ARRAY(a, int64_t, ranks + 1);
    o->piece_from = ARENA_ARRAY(a, int64_t, ranks + 1);
    o->element_from = ARENA_ARRAY(a, int64_t, ranks + 1);
    o->place = ARENA_ARRAY(a, int64_t, o->all);
    o->all_squares = ARENA_ARRAY(a, double, o->all);
    o->ordered = ARENA_ARRAY(a, double, o->all);
    o->pieces = ARENA_ARRAY(a, piece, pieces);
    o->sorted = ARENA_ARRAY(a, int64_t, pieces);
    o->element = ARENA_ARRAY(a, int64_t, pieces);
    o->elements = ARENA_ARRAY(a, real, elements);
    if (pieces) o->joined = ARENA_ARRAY(a, real, BLOCK);
}

typedef struct block_counts {
    int64_t blocks, pieces, elements;
} block_counts;

static block_counts count_own(const optimizer *o)
{
    block_counts own = { 0 };
    for (int64_t i = 0; i < o->count; i++) {
        own.blocks += o->blocks[i].counted;
        own.pieces += o->blocks[i].is_piece;
        own.elements += o->blocks[i].is_piece ? o->blocks[i].count : 0;
    }
    return own;
}

static cadre_status open_gathered(optimizer *o)
{
    block_counts own = count_own(o), sum = { 0 }, each[BATCH_RANKS];
    int ranks = o->ranks->size;
    comm_all_gather(o->ranks, &own, sizeof own, each);
    for (int r = 0; r < ranks; r++) sum.pieces += each[r].pieces, sum.elements += each[r].elements;
    layout_gathered(o, sum.pieces, sum.elements);
    if (!arena_open(&o->gathered, o->gathered.used)) return CADRE_ENOMEM;
    layout_gathered(o, sum.pieces, sum.elements);
    for (int r = 0; r < ranks; r++) {
        o->from[r + 1] = o->from[r] + each[r].blocks;
        o->piece_from[r + 1] = o->piece_from[r] + each[r].pieces;
        o->element_from[r + 1] = o->element_from[r] + each[r].elements;
    }
    return comm_status(o->ranks);
}

static bool comes_before(const piece *a, const piece *b)
{
    return a->place < b->place || (a->place == b->place && a->at < b->at);
}

/* A step of heap sort by place: moves heap[i] down until no child comes after it. */
static void sift(const piece *pieces, int64_t *heap, int64_t i, int64_t count)
{
    for (int64_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && comes_before(&pieces[heap[child]], &pieces[heap[child + 1]]))
            child++;
        if (!comes_before(&pieces[heap[i]], &pieces[heap[child]])) return;
        int64_t kept = heap[i];
        heap[i] = heap[child];
        heap[child] = kept;
    }
}

static void sort_pieces(optimizer *o, int64_t count)
{
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        o->sorted[i] = i;
        o->element[i] = at;
        at += o->pieces[i].count;
    }
    for (int64_t i = count / 2; i-- > 0;) sift(o->pieces, o->sorted, i, count);
    for (int64_t end = count; end-- > 1;) {
        int64_t last = o->sorted[end];
        o->sorted[end] = o->sorted[0];
        o->sorted[0] = last;
        sift(o->pieces, o->sorted, 0, end);
    }
}

static void gather_blocks(optimizer *o)
{
    int rank = o->ranks->rank;
    int64_t *place = o->place + o->from[rank];
    piece *own = o->pieces + o->piece_from[rank];
    for (int64_t i = 0; i < o->count; i++) {
        const block *b = &o->blocks[i];
        if (b->counted) *place++ = b->place;
        if (b->is_piece) *own++ = (piece){ b->place, b->at, b->count };
    }
    comm_all_gather_v(o->ranks, o->place + o->from[rank], o->from, sizeof *o->place, o->place);
    comm_all_gather_v(
        o->ranks, o->pieces + o->piece_from[rank], o->piece_from, sizeof *o->pieces, o->pieces);
    sort_pieces(o, o->piece_from[o->ranks->size]);
}

cadre_status optimizer_divide(optimizer *o, const param_table *table, const optimizer_share *share)
{
    o->ranks = share->ranks;
    o->all = optimizer_count_blocks(share->whole);
    cut_dense(o, share);
    own_blocks(o, share);
    place_blocks(o, table, share);
    if (o->method->open) o->method->open(o); /* again, with the parameters that this rank updates */
    CADRE_TRY(open_gathered(o));
    gather_blocks(o);
    return comm_status(o->ranks);
}

/* ---- the norm ---- */

/* Copies the gradients of a piece. Frozen elements count as 0; of a parameter that is cut, all
 * elements are frozen or none. */
static void copy_piece(const block *b, const real *gradient, real *to)
{
    bool frozen = b->frozen < b->count;
    if (frozen) memset(to, 0, (size_t)b->count * sizeof *to);
    else memcpy(to, gradient + b->offset, (size_t)b->count * sizeof *to);
}

/* Sums the squares of the blocks of which ranks have pieces: every rank gathers all elements and
 * computes the same sums. */
static void sum_pieces(optimizer *o, const real *gradient)
{
    int64_t count = o->piece_from[o->ranks->size];
    real *own = o->elements + o->element_from[o->ranks->rank], *to = own;
    for (int64_t i = 0; i < o->count; i++)
        if (o->blocks[i].is_piece) {
            copy_piece(&o->blocks[i], gradient, to);
            to += o->blocks[i].count;
        }
    comm_all_gather_v(o->ranks, own, o->element_from, sizeof *own, o->elements);
    for (int64_t i = 0; i < count;) {
        int64_t place = o->pieces[o->sorted[i]].place, size = 0;
        for (; i < count && o->pieces[o->sorted[i]].place == place; i++) {
            const piece *p = &o->pieces[o->sorted[i]];
            memcpy(o->joined + p->at, o->elements + o->element[o->sorted[i]],
                (size_t)p->count * sizeof *own);
            size = p->at + p->count;
        }
        o->ordered[place] = o->c->variant->rows->sum_squares(size, o->joined);
    }
}

/* Adds the squares of all ranks' blocks in the order of the whole model. */
double optimizer_sum_of_ranks(optimizer *o, const real *gradient)
{
    double sum = 0, *first = o->all_squares + o->from[o->ranks->rank], *own = first;
    for (int64_t i = 0; i < o->count; i++)
        if (o->blocks[i].counted) *own++ = o->squares[i];
    comm_all_gather_v(o->ranks, first, o->from, sizeof *o->all_squares, o->all_squares);
    for (int64_t i = 0; i < o->from[o->ranks->size]; i++)
        o->ordered[o->place[i]] = o->all_squares[i];
    if (o->joined) sum_pieces(o, gradient);
    for (int64_t i = 0; i < o->all; i++) sum += o->ordered[i];
    return sum;
}
