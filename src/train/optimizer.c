/* optimizer.c - THE LIST of optimisers, and what they share: the division of the flat layout into
 * blocks, each of which lies inside one parameter; the norm of the gradient, whose sums of squares
 * are computed for each block and then added in the order of blocks; and the layout of states. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "kernel/rows.h"
#include "train/optimizer_method.h"

static const optimizer_method *const methods[] = { &optimizer_adamw, &optimizer_sgd,
    &optimizer_adafactor, &optimizer_muon };
enum { METHODS = sizeof methods / sizeof *methods };

const optimizer_method *optimizer_method_at(int i) { return i < METHODS ? methods[i] : NULL; }
const char *optimizer_name(int i) { return i < METHODS ? methods[i]->name : NULL; }
const char *optimizer_meaning(int i) { return i < METHODS ? methods[i]->meaning : NULL; }

const optimizer_method *optimizer_method_by_name(const char *name)
{
    for (int i = 0; i < METHODS; i++)
        if (!strcmp(methods[i]->name, name)) return methods[i];
    return NULL;
}

static const optimizer_method *method_of(const optimizer_method *m)
{
    return m ? m : &optimizer_adamw;
}

const char *optimizer_method_name(const optimizer_method *m) { return method_of(m)->name; }
double optimizer_default_momentum(const optimizer_method *m) { return method_of(m)->momentum; }
bool optimizer_has_betas(const optimizer_method *m) { return method_of(m)->betas; }
bool optimizer_divides(const optimizer_method *m) { return method_of(m)->ranks; }
bool optimizer_has_shapes(const optimizer *o) { return o->method->shape != NULL; }

/* ---- blocks ---- */

/* Whether the learning rate of this parameter is --router-lr. */
bool optimizer_is_router(const param *p)
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

/* Marks as frozen what the block has of elements begin .. end - 1 of its parameter; first: the
 * parameter's element with which the block begins */
static void freeze_block(block *b, int64_t first, int64_t begin, int64_t end)
{
    b->frozen = clamp(begin - first, b->count);
    b->frozen_end = clamp(end - first, b->count);
    if (b->frozen == b->frozen_end) b->frozen = b->frozen_end = b->count;
}

static void cut_blocks(optimizer *o, const param_table *table)
{
    int64_t at = 0;
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        int64_t size = p->rows * p->cols, ahead = param_elements_before(p) % BLOCK, from, to;
        freeze_elements(&o->options.freeze, p, &from, &to);
        for (int64_t b = 0; b < optimizer_blocks_of(p); b++) {
            int64_t begin = b ? b * BLOCK - ahead : 0, end = (b + 1) * BLOCK - ahead;
            o->blocks[at] = (block){ .param = i,
                .begin = begin,
                .offset = p->offset + begin,
                .count = (end < size ? end : size) - begin,
                .decays = decays(&o->options, p),
                .router = optimizer_is_router(p),
                .owned = true,
                .counted = true };
            freeze_block(&o->blocks[at++], begin, from, to);
        }
    }
}

/* ---- making ---- */

/* A parameter's row in the table of a state that has shapes of its own and begins at `offset` */
static param row_of_state(const optimizer_method *m, int i, const param *p, int64_t offset)
{
    param row = *p;
    param_shape shape = m->shape(i, p);
    bool none = row.kind == PARAM_STATE || !shape.rows;
    row.kind = none ? PARAM_STATE : shape.rows == 1 ? PARAM_BIAS : PARAM_MATRIX;
    row.rows = none ? 0 : shape.rows;
    row.cols = none ? 0 : shape.cols;
    row.whole = row.kind == PARAM_BIAS ? row.cols : row.rows;
    row.first = 0;
    row.offset = offset;
    return row;
}

/* Lays out the table of a state that has shapes of its own; own->rows NULL: only counts its
 * elements. */
static void fill_own(const optimizer_method *m, int i, const param_table *table, param_table *own)
{
    own->elements = 0;
    for (int64_t p = 0; p < table->count; p++) {
        param row = row_of_state(m, i, &table->rows[p], own->elements);
        own->elements += (row.rows * row.cols + 15) / 16 * 16;
        if (own->rows) own->rows[p] = row;
    }
}

static void layout_own(optimizer *o, arena *a, int i)
{
    o->own[i].count = o->table->count;
    o->own[i].rows = ARENA_ARRAY(a, param, o->table->count);
    fill_own(o->method, i, o->table, &o->own[i]);
}

cadre_status optimizer_state_table(
    const optimizer *o, int state, const param_table *table, param_table *own)
{
    CADRE_TRY(param_table_copy(table, own));
    if (o->method->shape) fill_own(o->method, state, table, own);
    return CADRE_OK;
}

static void layout_states(optimizer *o, arena *a)
{
    const optimizer_method *m = o->method;
    for (o->states = 0; o->states < OPTIMIZER_STATES && m->state[o->states]; o->states++) {
        int i = o->states;
        if (m->shape) layout_own(o, a, i);
        const param_table *table = m->shape ? &o->own[i] : o->table;
        o->state[i] =
            (optimizer_state){ m->state[i], table, ARENA_ARRAY(a, real, table->elements) };
    }
}

static void layout(optimizer *o, arena *a)
{
    o->count = optimizer_count_blocks(o->table);
    o->blocks = ARENA_ARRAY(a, block, o->count);
    o->squares = ARENA_ARRAY(a, double, o->count);
    layout_states(o, a);
    if (o->method->layout) o->method->layout(o, a);
}

size_t optimizer_bytes(const param_table *table, const optimizer_options *options)
{
    optimizer o = { .options = *options, .method = method_of(options->method), .table = table };
    layout(&o, &o.arena);
    return o.arena.used;
}

/* Refuses to freeze a part of a parameter that is updated as a whole. */
static cadre_status check_freezing(const optimizer *o)
{
    for (int64_t i = 0; i < o->table->count && o->method->whole; i++) {
        const param *p = &o->table->rows[i];
        int64_t from, to;
        freeze_elements(&o->options.freeze, p, &from, &to);
        if (p->kind == PARAM_STATE || to == from || to - from == p->rows * p->cols) continue;
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--freeze with --optimizer %s, which steps a matrix as a whole: expected all rows of a "
            "router, or none, found some; --optimizer adamw or sgd take them",
            o->method->name);
    }
    return CADRE_OK;
}

cadre_status optimizer_new(
    compute *c, const param_table *table, const optimizer_options *options, optimizer **out)
{
    optimizer *o = MEM_ARRAY(optimizer, 1);
    if (!o) return CADRE_ENOMEM;
    *o = (optimizer){
        .c = c, .options = *options, .method = method_of(options->method), .table = table
    };
    cadre_status status = check_freezing(o);
    if (status == CADRE_OK && !arena_open(&o->arena, optimizer_bytes(table, options)))
        status = CADRE_ENOMEM;
    if (status != CADRE_OK) {
        optimizer_free(o);
        return status;
    }
    layout(o, &o->arena);
    cut_blocks(o, table);
    if (o->method->open) o->method->open(o);
    *out = o;
    return CADRE_OK;
}

void optimizer_free(optimizer *o)
{
    if (o) arena_close(&o->arena);
    if (o) arena_close(&o->gathered);
    mem_free(o);
}

int optimizer_states(const optimizer *o) { return o->states; }
optimizer_state optimizer_state_at(const optimizer *o, int i) { return o->state[i]; }

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
        if (!b->counted) continue;
        const row_kernels *rows = t->o->c->variant->rows;
        const real *gradient = t->gradient + b->offset;
        t->o->squares[i] = rows->sum_squares(b->frozen, gradient);
        if (b->frozen_end < b->count)
            t->o->squares[i] +=
                rows->sum_squares(b->count - b->frozen_end, gradient + b->frozen_end);
    }
}

double optimizer_gradient_norm(optimizer *o, const real *gradient)
{
    norm_task task = { o, gradient };
    pool_run(o->c->pool, sum_squares, &task);
    double sum = 0;
    if (o->ranks) return sqrt(optimizer_sum_of_ranks(o, gradient));
    for (int64_t i = 0; i < o->count; i++) sum += o->squares[i];
    return sqrt(sum);
}

/* ---- the step ---- */

void optimizer_step(optimizer *o, real *values, const real *gradient, double norm, double lr,
    double router_lr, int64_t t)
{
    /* The same as torch.nn.utils.clip_grad_norm_ */
    double clip = o->options.clip, shrink = clip / (norm + 1e-6);
    optimizer_step_args step = { values, gradient, 1, lr, router_lr, t };
    if (clip > 0 && shrink < 1) step.scale = (real)shrink;
    o->method->step(o, &step);
}
