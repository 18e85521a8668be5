/* trainer_collect.c - gathers the parameters, or a state of the optimiser, of all ranks on rank 0,
 * for a checkpoint. Each rank sends the slice of the dense parameters that it owns, and its
 * experts. */
#include <string.h>

#include "base/memory.h"
#include "train/trainer_state.h"

static real *array_of(trainer *t, int which)
{
    return which == TRAINER_VALUES ? t->values : optimizer_state_at(t->optimizer, which).values;
}

/* The elements that a rank sends: of dense parameters those that it updates, then its experts */
typedef struct contribution {
    int64_t begin, end;     /* of dense parameters */
    int64_t dense, experts; /* where its experts begin, and how many elements they have */
} contribution;

static contribution own_contribution(const trainer *t)
{
    return (contribution){ t->first[t->plan.rank], t->first[t->plan.rank + 1], t->dense,
        t->table.elements - t->dense };
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* Whether a rank updates this parameter of an expert: with an adapter, all ranks have the pairs of
 * all experts, and each updates those of its own experts. */
static bool is_of_rank(const trainer *t, int rank, const param *p)
{
    if (!t->settings.adapted || p->expert < 0) return true;
    param_share share = rank_groups_share(&t->groups, rank);
    return param_share_has_expert(&t->config, &share, p->layer, p->expert);
}

/* Elements of a rank's flat layout */
typedef struct flat_range {
    int rank;
    const param_table *table;
    int64_t begin, end;
    const real *from;
} flat_range;

/* Copies the range to its places in the whole model. */
static void place(const trainer *t, const flat_range *r, real *whole)
{
    for (int64_t i = 0; i < r->table->count; i++) {
        const param *p = &r->table->rows[i];
        int64_t begin = r->begin, end = r->end;
        if (!is_of_rank(t, r->rank, p)) continue;
        int64_t first = later(p->offset, begin), last = earlier(p->offset + p->rows * p->cols, end);
        if (first < last)
            memcpy(whole + t->whole.rows[p->index].offset + param_elements_before(p) + first -
                       p->offset,
                r->from + first - begin, (size_t)(last - first) * sizeof *whole);
    }
}

static cadre_status table_of(const trainer *t, int rank, param_table *table)
{
    int64_t dense;
    param_share share = rank_groups_share(&t->groups, rank);
    if (t->settings.adapted) return param_table_copy(&t->whole, table);
    CADRE_TRY(param_table_make_share(&t->config, &share, table));
    trainer_place_experts_last(table, &dense);
    return CADRE_OK;
}

/* Rank 0 receives what rank r sends, and places it. */
static cadre_status receive(
    trainer *t, int r, const contribution *b, const param_table *table, real *whole)
{
    int64_t dense = b->end - b->begin;
    size_t count = (size_t)(dense + b->experts);
    real *arrived = count ? mem_reserve(count, sizeof *arrived) : NULL;
    if (count && !arrived) return CADRE_ENOMEM;
    if (dense) comm_receive(t->world, r, arrived, (size_t)dense * sizeof *arrived);
    if (b->experts)
        comm_receive(t->world, r, arrived + dense, (size_t)b->experts * sizeof *arrived);
    place(t, &(flat_range){ r, table, b->begin, b->end, arrived }, whole);
    place(t, &(flat_range){ r, table, b->dense, b->dense + b->experts, arrived + dense }, whole);
    mem_return(arrived, count, sizeof *arrived);
    return CADRE_OK;
}

static cadre_status receive_all(trainer *t, const contribution *all, const real *array, real *whole)
{
    const param_table *own = &t->table;
    place(t, &(flat_range){ 0, own, all->begin, all->end, array + all->begin }, whole);
    place(t, &(flat_range){ 0, own, all->dense, own->elements, array + all->dense }, whole);
    for (int r = 1; r < t->world->size; r++) {
        param_table table;
        CADRE_TRY(table_of(t, r, &table));
        cadre_status status = receive(t, r, &all[r], &table, whole);
        param_table_free(&table);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

static void send(trainer *t, const contribution *b, const real *array)
{
    int64_t dense = b->end - b->begin;
    if (dense) comm_send(t->world, 0, array + b->begin, (size_t)dense * sizeof *array);
    if (b->experts) comm_send(t->world, 0, array + b->dense, (size_t)b->experts * sizeof *array);
}

/* ---- states whose shapes differ from their parameters' ---- */

static bool is_own(const trainer *t, int rank, const contribution *b, const param *p)
{
    if (p->kind == PARAM_STATE) return false;
    if (param_is_expert(p->role)) return is_of_rank(t, rank, p);
    return p->offset >= b->begin && p->offset < b->end;
}

/* The states of the parameters that rank r updates */
typedef struct state_rows {
    int rank;
    const contribution *b;
    const param_table *table, *state; /* the layouts of parameters and states on that rank */
    const param_table *whole; /* the layout of the states of the whole model; NULL: not used */
} state_rows;

/* Copies these states, one after another, from an array in the layout of r->whole, or of the rank,
 * to a packed one (out), or back. packed NULL: only counts them. Returns how many elements they
 * have. */
static int64_t move_states(
    const trainer *t, const state_rows *r, real *array, real *packed, bool out)
{
    int64_t at = 0;
    for (int64_t i = 0; i < r->table->count; i++) {
        const param *p = &r->table->rows[i], *s = &r->state->rows[i];
        int64_t size = s->rows * s->cols;
        if (!is_own(t, r->rank, r->b, p)) continue;
        real *place = array + (r->whole ? r->whole->rows[p->index].offset : s->offset);
        if (packed && out) memcpy(packed + at, place, (size_t)size * sizeof *packed);
        else if (packed) memcpy(place, packed + at, (size_t)size * sizeof *packed);
        at += size;
    }
    return at;
}

/* Rank r packs its states and sends them to rank 0, which places them in the whole model. */
static cadre_status take_states(trainer *t, const state_rows *r, real *array, real *whole)
{
    state_rows own = *r;
    int64_t count = move_states(t, r, whole, NULL, false);
    real *packed = MEM_ARRAY(real, count);
    own.whole = NULL;
    if (!packed) return CADRE_ENOMEM;
    if (r->rank == t->world->rank) move_states(t, &own, array, packed, true);
    if (r->rank != t->world->rank)
        comm_receive(t->world, r->rank, packed, (size_t)count * sizeof *packed);
    if (r->whole) move_states(t, r, whole, packed, false);
    else comm_send(t->world, 0, packed, (size_t)count * sizeof *packed);
    mem_free(packed);
    return CADRE_OK;
}

static cadre_status collect_of(trainer *t, int which, int r, const contribution *b, real *whole)
{
    param_table table = { 0 }, state = { 0 }, all = { 0 };
    cadre_status status = table_of(t, r, &table);
    if (status == CADRE_OK) status = optimizer_state_table(t->optimizer, which, &table, &state);
    if (status == CADRE_OK && whole)
        status = optimizer_state_table(t->optimizer, which, &t->whole, &all);
    const state_rows rows = { r, b, &table, &state, whole ? &all : NULL };
    if (status == CADRE_OK) status = take_states(t, &rows, array_of(t, which), whole);
    param_table_free(&table);
    param_table_free(&state);
    param_table_free(&all);
    return status;
}

static cadre_status collect_states(trainer *t, int which, const contribution *all, real *whole)
{
    for (int r = 0; r < t->world->size; r++)
        if (whole || r == t->world->rank) CADRE_TRY(collect_of(t, which, r, &all[r], whole));
    return CADRE_OK;
}

cadre_status trainer_array_table(const trainer *t, int which, param_table *table)
{
    if (which == TRAINER_VALUES) return param_table_copy(trainer_whole_table(t), table);
    return optimizer_state_table(t->optimizer, which, trainer_whole_table(t), table);
}

cadre_status trainer_collect(trainer *t, int which, real *whole)
{
    real *array = array_of(t, which);
    contribution all[BATCH_RANKS], own = own_contribution(t);
    comm_all_gather(t->world, &own, sizeof own, all);
    CADRE_TRY(comm_status(t->world));
    if (which != TRAINER_VALUES && optimizer_has_shapes(t->optimizer)) {
        cadre_status status = collect_states(t, which, all, whole);
        if (status != CADRE_OK) comm_fail(t->world, status);
    } else if (t->world->rank) send(t, &own, array);
    else {
        cadre_status status = receive_all(t, all, array, whole);
        if (status != CADRE_OK) comm_fail(t->world, status);
    }
    return comm_status(t->world);
}
