/* optimizer.c - AdamW in blocks of the flat layout. A block lies inside one parameter, so all of it
 * decays or none. Sums of squares are kept for each block and added in the order of blocks. */
#include "train/optimizer.h"

#include <math.h>

#include "base/memory.h"
#include "kernel/rows.h"

enum { BLOCK = 1 << 14 }; /* elements */

typedef struct block {
    int64_t offset, count;
    bool decays, router;
    bool counted;      /* in the norm, for this rank */
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
                decays(&o->options, p), is_router(p), !p->copy, 0, 0 };
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
    mem_free(o);
}

real *optimizer_first_moment(optimizer *o) { return o->m; }
real *optimizer_second_moment(optimizer *o) { return o->v; }

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
        const row_kernels *rows = t->o->c->variant->rows;
        const real *gradient = t->gradient + b->offset;
        t->o->squares[i] = rows->sum_squares(b->held, gradient);
        if (b->end < b->count)
            t->o->squares[i] += rows->sum_squares(b->count - b->end, gradient + b->end);
    }
}

double optimizer_gradient_norm(optimizer *o, const real *gradient)
{
    norm_task task = { o, gradient };
    pool_run(o->c->pool, sum_squares, &task);
    double sum = 0;
    for (int64_t i = 0; i < o->count; i++)
        if (o->blocks[i].counted) sum += o->squares[i];
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
