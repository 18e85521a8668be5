/* trainer_reader.c - which elements of the whole model's arrays a rank saves, and reading all of
 * them on rank 0.
 *
 * Rank 0 asks for a range of elements of the whole array; every rank sends those that it saves,
 * each piece with its place. So no rank ever holds more of the others than a few windows, and a
 * model that fits no single machine can be saved. */
#include <string.h>

#include "base/memory.h"
#include "train/trainer_state.h"

enum { ELEMENTS = 1 << 20, WINDOWS = 4 }; /* of a window; windows that are kept */

/* What rank 0 asks for: elements first .. end - 1 of an array; end 0: nothing more */
typedef struct array_range {
    int64_t which, first, end;
} array_range;

/* Elements of the whole array that a rank has */
typedef struct array_piece {
    int64_t first, count;
} array_piece;

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

cadre_status trainer_array_table(const trainer *t, int which, param_table *table)
{
    if (which == TRAINER_VALUES) return param_table_copy(trainer_whole_table(t), table);
    return optimizer_state_table(t->optimizer, which, trainer_whole_table(t), table);
}

/* ---- what a rank saves ---- */

/* Whether this rank updates the parameter: with an adapter, all ranks have the pairs of all
 * experts, and each updates those of its own. */
static bool is_of_rank(const trainer *t, const param *p)
{
    if (!t->settings.adapted || p->expert < 0) return true;
    param_share share = rank_groups_share(&t->groups, t->world->rank);
    return param_share_has_expert(&t->config, &share, p->layer, p->expert);
}

/* Elements of an array of a rank's own that it updates, which other ranks may have too */
typedef struct own_range {
    int64_t begin, end;
} own_range;

/* Of the values, or of a state with the parameters' shapes: dense elements are updated by those of
 * the ranks that divide them, and experts by the ranks that have them. */
static own_range updated_elements(const trainer *t, const param *p)
{
    own_range r = { p->offset, p->offset + p->rows * p->cols };
    if (r.begin < t->dense) {
        r.begin = later(r.begin, t->first[t->plan.rank]);
        r.end = earlier(r.end, t->first[t->plan.rank + 1]);
    }
    return r;
}

/* Of a state with shapes of its own: all of each parameter that the rank updates */
static own_range updated_state(const trainer *t, const param *p, const param *state)
{
    bool dense = p->offset >= t->first[t->plan.rank] && p->offset < t->first[t->plan.rank + 1];
    bool is_own = p->kind != PARAM_STATE && (param_is_expert(p->role) || dense);
    return (own_range){ state->offset, state->offset + (is_own ? state->rows * state->cols : 0) };
}

/* Leaves this rank its part of what others update alike: the ranks of `tensor` have all of a
 * parameter that is not cut, and the first and the last stage of a pipeline a tied embedding. They
 * divide the parameter (or its state, the row), not the range, for each may update another one. */
static void divide_alike(const trainer *t, const param *p, const param *row, own_range *r)
{
    const bool cut = p->whole != (param_is_vector(p) ? p->cols : p->rows),
               tied = p->role == ROLE_EMBED && t->config.tie && t->groups.pipeline != NULL;
    const int32_t slices = cut || param_is_expert(p->role) ? 1 : t->groups.size.tensor,
                  slice = slices > 1 ? t->groups.at.tensor : 0, copies = tied ? 2 : 1,
                  copy = tied && t->groups.at.pipeline > 0, part = copy * slices + slice;
    const int64_t size = row->rows * row->cols;
    r->begin = later(r->begin, row->offset + share_begin(size, part, copies * slices));
    r->end = earlier(r->end, row->offset + share_begin(size, part + 1, copies * slices));
}

/* What the rank saves of row i of its table */
static held_values held_of_row(const trainer *t, int which, int64_t i)
{
    const param *p = &t->table.rows[i], *row = p;
    const real *array = t->values;
    held_values none = { { 0, 0 }, NULL };
    if (!is_of_rank(t, p)) return none;
    own_range r = updated_elements(t, p);
    int64_t before = param_elements_before(p);
    if (which != TRAINER_VALUES) {
        const optimizer_state state = optimizer_state_at(t->optimizer, which);
        array = state.values;
        if (optimizer_has_shapes(t->optimizer)) {
            row = &state.table->rows[i];
            r = updated_state(t, p, row);
            before = 0;
        }
    }
    divide_alike(t, p, row, &r);
    if (r.begin >= r.end) return none;
    before -= row->offset;
    return (held_values){ { before + r.begin, before + r.end }, array + r.begin };
}

held_values trainer_held(const trainer *t, int which, int64_t index)
{
    int64_t low = 0, high = t->table.count; /* its rows are in the order of the whole table */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (t->table.rows[middle].index < index) low = middle + 1;
        else high = middle;
    }
    if (low == t->table.count || t->table.rows[low].index != index)
        return (held_values){ { 0, 0 }, NULL };
    return held_of_row(t, which, low);
}

/* The pieces of a range, and their elements one after another. The memory for them is kept from
 * range to range, as the layouts of a state with shapes of its own are. */
typedef struct pieces {
    int64_t count, elements, room;
    array_piece *list; /* a rank has at most one piece of each of its parameters */
    real *values;      /* [room] */
    int64_t which;     /* the array whose layout `whole` is */
    param_table whole;
} pieces;

static void pieces_free(pieces *p)
{
    mem_free(p->list);
    mem_free(p->values);
    param_table_free(&p->whole);
    *p = (pieces){ 0 };
}

/* Room for the pieces of a range of so many elements */
static cadre_status make_room(const trainer *t, int64_t elements, pieces *p)
{
    if (elements <= p->room) return CADRE_OK;
    pieces_free(p);
    p->which = TRAINER_VALUES;
    p->list = MEM_ARRAY(array_piece, t->whole.count);
    p->values = MEM_ARRAY(real, elements);
    if (!p->list || !p->values) return CADRE_ENOMEM;
    p->room = elements;
    return CADRE_OK;
}

/* Adds what was asked for of what is held of a parameter, which begins at `offset`. */
static void add_piece(
    pieces *out, const array_range *asked, int64_t offset, const held_values *held)
{
    const int64_t first = offset + held->range.first, last = offset + held->range.end;
    int64_t begin = later(first, asked->first), end = earlier(last, asked->end);
    if (begin >= end) return;
    out->list[out->count++] = (array_piece){ begin, end - begin };
    memcpy(out->values + out->elements, held->values + begin - first,
        (size_t)(end - begin) * sizeof *held->values);
    out->elements += end - begin;
}

static cadre_status lay_out(trainer *t, int which, pieces *p)
{
    if (p->which == which) return CADRE_OK;
    param_table_free(&p->whole);
    p->which = TRAINER_VALUES;
    CADRE_TRY(optimizer_state_table(t->optimizer, which, &t->whole, &p->whole));
    p->which = which;
    return CADRE_OK;
}

static cadre_status find(trainer *t, const array_range *asked, pieces *p)
{
    const int which = (int)asked->which;
    const param_table *whole = &t->whole;
    CADRE_TRY(make_room(t, asked->end - asked->first, p));
    p->count = p->elements = 0;
    if (which != TRAINER_VALUES && optimizer_has_shapes(t->optimizer)) {
        CADRE_TRY(lay_out(t, which, p));
        whole = &p->whole;
    }
    for (int64_t i = 0; i < t->table.count; i++) {
        const held_values held = held_of_row(t, which, i);
        add_piece(p, asked, whole->rows[t->table.rows[i].index].offset, &held);
    }
    return CADRE_OK;
}

/* ---- between ranks: how many pieces and elements, the pieces, the elements ---- */

static void send_pieces(trainer *t, const pieces *p)
{
    const int64_t sizes[2] = { p->count, p->elements };
    comm_send(t->world, 0, sizes, sizeof sizes);
    if (!p->count) return;
    comm_send(t->world, 0, p->list, (size_t)p->count * sizeof *p->list);
    comm_send(t->world, 0, p->values, (size_t)p->elements * sizeof *p->values);
}

static cadre_status check_pieces(const pieces *p, const array_range *asked, int rank)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const array_piece *piece = &p->list[i];
        if (piece->first < asked->first || piece->first > asked->end || piece->count < 0 ||
            piece->count > asked->end - piece->first)
            break;
        elements += piece->count;
    }
    if (elements == p->elements) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, NULL,
        "rank %d: expected pieces of what it was asked for, found others", rank);
}

static cadre_status receive_pieces(trainer *t, int rank, const array_range *asked, pieces *p)
{
    int64_t sizes[2], most = asked->end - asked->first;
    comm_receive(t->world, rank, sizes, sizeof sizes);
    CADRE_TRY(comm_status(t->world));
    if (sizes[0] < 0 || sizes[0] > t->whole.count || sizes[1] < 0 || sizes[1] > most)
        return cadre_fail(CADRE_EFORMAT, NULL,
            "rank %d: expected at most the %lld elements that it was asked for, found %lld", rank,
            (long long)most, (long long)sizes[1]);
    p->count = sizes[0], p->elements = sizes[1];
    if (!p->count) return CADRE_OK;
    comm_receive(t->world, rank, p->list, (size_t)p->count * sizeof *p->list);
    comm_receive(t->world, rank, p->values, (size_t)p->elements * sizeof *p->values);
    CADRE_TRY(comm_status(t->world));
    return check_pieces(p, asked, rank);
}

/* to: element asked->first of the whole array, and those behind it */
static void put_pieces(const array_range *asked, const pieces *p, real *to)
{
    const real *from = p->values;
    for (int64_t i = 0; i < p->count; from += p->list[i++].count)
        memcpy(to + p->list[i].first - asked->first, from, (size_t)p->list[i].count * sizeof *to);
}

static cadre_status gather(trainer *t, const array_range *asked, pieces *p, real *to)
{
    array_range told = *asked;
    comm_broadcast(t->world, &told, sizeof told, 0);
    for (int r = 0; r < t->world->size; r++) {
        CADRE_TRY(r ? receive_pieces(t, r, asked, p) : find(t, asked, p));
        put_pieces(asked, p, to);
    }
    return comm_status(t->world);
}

/* ---- rank 0 reads, the others answer ---- */

typedef struct window {
    array_range range; /* end 0: nothing is kept */
    int64_t used;      /* when; the least recent one makes room */
    real *values;      /* [elements of a window] */
} window;

struct trainer_reader {
    trainer *trainer;
    int64_t uses, elements; /* elements of a window */
    window windows[WINDOWS];
    pieces pieces; /* of one rank after another */
};

cadre_status trainer_reader_open(trainer *t, int64_t elements, trainer_reader **out)
{
    trainer_reader *r = MEM_ARRAY(trainer_reader, 1);
    bool whole = r != NULL;
    if (r) r->trainer = t, r->elements = elements ? elements : ELEMENTS;
    for (int i = 0; whole && i < WINDOWS; i++)
        whole = (r->windows[i].values = MEM_ARRAY(real, r->elements)) != NULL;
    if (whole) *out = r;
    else trainer_reader_close(r);
    return whole ? CADRE_OK : CADRE_ENOMEM;
}

void trainer_reader_close(trainer_reader *r)
{
    array_range end = { 0 };
    if (!r) return;
    comm_broadcast(r->trainer->world, &end, sizeof end, 0);
    for (int i = 0; i < WINDOWS; i++) mem_free(r->windows[i].values);
    pieces_free(&r->pieces);
    mem_free(r);
}

static cadre_status load(trainer_reader *r, int which, int64_t element, window **out)
{
    window *least = r->windows;
    int64_t first = element / r->elements * r->elements;
    for (int i = 0; i < WINDOWS; i++) {
        window *w = &r->windows[i];
        *out = w;
        w->used = w->range.end ? w->used : -1;
        if (w->range.end && w->range.which == which && w->range.first == first) return CADRE_OK;
        if (w->used < least->used) least = w;
    }
    *out = least;
    const array_range asked = { which, first, first + r->elements };
    least->range.end = 0;
    memset(least->values, 0, (size_t)r->elements * sizeof *least->values); /* what no rank has */
    CADRE_TRY(gather(r->trainer, &asked, &r->pieces, least->values));
    least->range = asked;
    return CADRE_OK;
}

cadre_status trainer_reader_read(
    trainer_reader *r, int which, int64_t first, int64_t count, real *to)
{
    while (count > 0) {
        window *w;
        CADRE_TRY(load(r, which, first, &w));
        int64_t n = earlier(count, w->range.end - first);
        w->used = ++r->uses;
        memcpy(to, w->values + first - w->range.first, (size_t)n * sizeof *to);
        first += n, to += n, count -= n;
    }
    return CADRE_OK;
}

static cadre_status answer_all(trainer *t, pieces *p)
{
    for (;;) {
        array_range asked = { 0 };
        comm_broadcast(t->world, &asked, sizeof asked, 0);
        CADRE_TRY(comm_status(t->world));
        if (!asked.end) return CADRE_OK;
        CADRE_TRY(find(t, &asked, p));
        send_pieces(t, p);
    }
}

cadre_status trainer_answer(trainer *t)
{
    pieces p = { 0 };
    cadre_status status = answer_all(t, &p);
    if (status != CADRE_OK) comm_fail(t->world, status);
    pieces_free(&p);
    return status;
}
