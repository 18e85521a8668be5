/* optimizer.c - AdamW in blocks of the flat layout. A block lies inside one parameter, so all of it
 * decays or none. Sums of squares are kept for each block and added in the order of blocks. */
#include "train/optimizer.h"

#include <math.h>

#include "base/memory.h"
#include "kernel/rows.h"
#include "op/batch.h"

enum { BLOCK = OPTIMIZER_BLOCK };

typedef struct block {
    int64_t offset, count;
    bool decays, router;
    bool owned;        /* by this rank, which updates it and counts it in the norm */
    int64_t held, end; /* elements held .. end - 1 are frozen */
} block;

struct optimizer {
    compute *c;
    optimizer_options options;
    arena memory;
    int64_t count;   /* blocks */
    block *blocks;   /* [count] */
    double *squares; /* [count] */
    real *m, *v;     /* [elements] */
    /* Where ranks divide the parameters; ranks NULL: there is one. The squares of all ranks'
     * blocks, by rank, and the place of each in the order of the whole model's */
    comm *ranks;
    arena gathered;
    int64_t all, *from;            /* [ranks + 1] */
    int64_t *place;                /* [all] */
    double *all_squares, *ordered; /* [all] */
};

/* Blocks begin at multiples of BLOCK of the whole parameter, whichever of its rows are here. */
static int64_t blocks_of(const param *p)
{
    int64_t before = param_elements_before(p), size = p->rows * p->cols;
    return p->kind == PARAM_STATE ? 0 : (before % BLOCK + size + BLOCK - 1) / BLOCK;
}

static int64_t count_blocks(const param_table *table)
{
    int64_t count = 0;
    for (int64_t i = 0; i < table->count; i++) count += blocks_of(&table->rows[i]);
    return count;
}

/* Whether --router-lr is the rate of this parameter. */
static bool is_router(const param *p)
{
    return p->kind == PARAM_ROUTER || param_is_routers_own(p->role) || p->role == ROLE_ROUTER_OMEGA;
}

static bool decays(const optimizer_options *o, const param *p)
{
    switch (p->kind) {
    case PARAM_NORM: return !o->keep_norms;
    case PARAM_BIAS: return !o->keep_biases;
    case PARAM_ROUTER: return !o->keep_router;
    case PARAM_EMBEDDING: return !o->keep_embeddings;
    default: return true;
    }
}

static int64_t clamp(int64_t at, int64_t count) { return at < 0 ? 0 : at < count ? at : count; }

/* Marks those elements of the block as frozen that are `begin` .. `end` - 1 of its parameter. */
static void hold(block *b, int64_t first, int64_t begin, int64_t end)
{
    b->held = clamp(begin - first, b->count);
    b->end = clamp(end - first, b->count);
    if (b->held == b->end) b->held = b->end = b->count;
}

static void cut_blocks(optimizer *o, const param_table *table)
{
    int64_t at = 0;
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        int64_t size = p->rows * p->cols, ahead = param_elements_before(p) % BLOCK, from, to;
        freeze_elements(&o->options.freeze, p, &from, &to);
        for (int64_t b = 0; b < blocks_of(p); b++) {
            int64_t begin = b ? b * BLOCK - ahead : 0, end = (b + 1) * BLOCK - ahead;
            o->blocks[at] = (block){ p->offset + begin, (end < size ? end : size) - begin,
                decays(&o->options, p), is_router(p), true, 0, 0 };
            hold(&o->blocks[at++], begin, from, to);
        }
    }
}

static void layout(optimizer *o, arena *a, const param_table *table)
{
    o->count = count_blocks(table);
    o->blocks = ARENA_ARRAY(a, block, o->count);
    o->squares = ARENA_ARRAY(a, double, o->count);
    o->m = ARENA_ARRAY(a, real, table->elements);
    o->v = ARENA_ARRAY(a, real, table->elements);
}

size_t optimizer_bytes(const param_table *table)
{
    optimizer o = { 0 };
    layout(&o, &o.memory, table);
    return o.memory.used;
}

cadre_status optimizer_new(
    compute *c, const param_table *table, const optimizer_options *options, optimizer **out)
{
    optimizer *o = MEM_ARRAY(optimizer, 1);
    if (!o) return CADRE_ENOMEM;
    *o = (optimizer){ .c = c, .options = *options };
    if (!arena_open(&o->memory, optimizer_bytes(table))) {
        optimizer_free(o);
        return CADRE_ENOMEM;
    }
    layout(o, &o->memory, table);
    cut_blocks(o, table);
    *out = o;
    return CADRE_OK;
}

void optimizer_free(optimizer *o)
{
    if (o) arena_close(&o->memory);
    if (o) arena_close(&o->gathered);
    mem_free(o);
}

real *optimizer_first_moment(optimizer *o) { return o->m; }
real *optimizer_second_moment(optimizer *o) { return o->v; }

/* ---- shares of ranks ---- */

static bool is_same(const param *a, const param *b)
{
    return a->role == b->role && a->layer == b->layer && a->expert == b->expert &&
           a->encoder == b->encoder;
}

/* Elements of the dense parameters are divided evenly, between two blocks. */
static void cut_dense(const optimizer *o, const optimizer_share *s)
{
    int ranks = s->ranks->size, next = 1;
    s->first[0] = 0;
    for (int64_t i = 0; i < o->count; i++) {
        int64_t offset = o->blocks[i].offset; /* those of experts are among them */
        while (offset < s->dense && next < ranks && offset >= s->dense * next / ranks)
            s->first[next++] = offset;
    }
    while (next <= ranks) s->first[next++] = s->dense;
}

static void own_blocks(optimizer *o, const optimizer_share *s)
{
    int64_t begin = s->first[s->ranks->rank], end = s->first[s->ranks->rank + 1];
    for (int64_t i = 0; i < o->count; i++) {
        block *b = &o->blocks[i];
        b->owned = b->offset >= s->dense || (b->offset >= begin && b->offset < end);
    }
}

static void layout_gathered(optimizer *o, int64_t all)
{
    arena *a = &o->gathered;
    o->from = ARENA_ARRAY(a, int64_t, o->ranks->size + 1);
    o->place = ARENA_ARRAY(a, int64_t, all);
    o->all_squares = ARENA_ARRAY(a, double, all);
    o->ordered = ARENA_ARRAY(a, double, all);
}

/* Says at which places of the whole model's order this rank's blocks stand. */
static void place_blocks(optimizer *o, const param_table *table, const param_table *whole)
{
    int64_t place = 0, at_block = 0;
    const param *p = table->rows, *end = p + table->count;
    int64_t *at = o->place + o->from[o->ranks->rank];
    for (int64_t i = 0; i < whole->count; i++) {
        int64_t blocks = blocks_of(&whole->rows[i]);
        if (p < end && is_same(p, &whole->rows[i])) {
            for (int64_t b = 0; b < blocks; b++, at_block++)
                if (o->blocks[at_block].owned) *at++ = place + b;
            p++;
        }
        place += blocks;
    }
}

cadre_status optimizer_divide(optimizer *o, const param_table *table, const optimizer_share *share)
{
    int64_t own = 0, counts[BATCH_RANKS];
    o->ranks = share->ranks;
    o->all = count_blocks(share->whole);
    cut_dense(o, share);
    own_blocks(o, share);
    layout_gathered(o, o->all);
    if (!arena_open(&o->gathered, o->gathered.used)) return CADRE_ENOMEM;
    layout_gathered(o, o->all);
    for (int64_t i = 0; i < o->count; i++) own += o->blocks[i].owned;
    comm_all_gather(o->ranks, &own, sizeof own, counts);
    for (int r = 0; r < o->ranks->size; r++) o->from[r + 1] = o->from[r] + counts[r];
    place_blocks(o, table, share->whole);
    comm_all_gather_v(
        o->ranks, o->place + o->from[o->ranks->rank], o->from, sizeof *o->place, o->place);
    return comm_status(o->ranks);
}

/* ---- the norm ---- */

typedef struct norm_task {
    optimizer *o;
    const real *gradient;
} norm_task;

static void sum_squares(void *arg, int worker, int workers)
{
    const norm_task *t = arg;
    pool_range share = pool_share(t->o->count, 1, worker, workers);
    for (int64_t i = share.begin; i < share.end; i++) {
        const block *b = &t->o->blocks[i];
        if (!b->owned) continue;
        const row_kernels *rows = t->o->c->variant->rows;
        const real *gradient = t->gradient + b->offset;
        t->o->squares[i] = rows->sum_squares(b->held, gradient);
        if (b->end < b->count)
            t->o->squares[i] += rows->sum_squares(b->count - b->end, gradient + b->end);
    }
}

/* Adds the squares of all ranks' blocks in the order of the whole model. */
static double sum_of_ranks(optimizer *o)
{
    double sum = 0, *own = o->all_squares + o->from[o->ranks->rank];
    for (int64_t i = 0; i < o->count; i++)
        if (o->blocks[i].owned) *own++ = o->squares[i];
    comm_all_gather_v(o->ranks, o->all_squares + o->from[o->ranks->rank], o->from,
        sizeof *o->all_squares, o->all_squares);
    for (int64_t i = 0; i < o->all; i++) o->ordered[o->place[i]] = o->all_squares[i];
    for (int64_t i = 0; i < o->all; i++) sum += o->ordered[i];
    return sum;
}

double optimizer_gradient_norm(optimizer *o, const real *gradient)
{
    norm_task task = { o, gradient };
    pool_run(o->c->pool, sum_squares, &task);
    double sum = 0;
    if (o->ranks) return sqrt(sum_of_ranks(o));
    for (int64_t i = 0; i < o->count; i++) sum += o->squares[i];
    return sqrt(sum);
}

/* ---- the step ---- */

typedef struct step_task {
    optimizer *o;
    real *values;
    const real *gradient;
    real scale;
    double lr, router_lr, correction1, correction2;
} step_task;

/* Updates the elements first .. end - 1 of a block. */
static void update_range(const step_task *t, const block *b, int64_t first, int64_t end)
{
    const optimizer *o = t->o;
    int64_t at = b->offset + first;
    if (first < end)
        o->c->variant->rows->adamw(end - first, t->values + at, o->m + at, o->v + at,
            t->gradient + at, t->scale, b->router ? t->router_lr : t->lr, o->options.beta1,
            o->options.beta2, o->options.eps, b->decays ? o->options.weight_decay : 0,
            t->correction1, t->correction2);
}

static void update(void *arg, int worker, int workers)
{
    const step_task *t = arg;
    const optimizer *o = t->o;
    pool_range share = pool_share(o->count, 1, worker, workers);
    for (int64_t i = share.begin; i < share.end; i++) {
        const block *b = &o->blocks[i];
        if (!b->owned) continue;
        update_range(t, b, 0, b->held);
        update_range(t, b, b->end, b->count);
    }
}

void optimizer_step(optimizer *o, real *values, const real *gradient, double norm, double lr,
    double router_lr, int64_t t)
{
    /* The same as torch.nn.utils.clip_grad_norm_ */
    double clip = o->options.clip, shrink = clip / (norm + 1e-6);
    step_task task = { o, values, gradient, 1, lr, router_lr, 1 - pow(o->options.beta1, (double)t),
        1 - pow(o->options.beta2, (double)t) };
    if (clip > 0 && shrink < 1) task.scale = (real)shrink;
    pool_run(o->c->pool, update, &task);
}
