/* optimizer_method.h - what an optimiser consists of, for its files:
 *
 *     optimizer.c            THE LIST of optimisers; blocks, the norm of the gradient, the step
 *     optimizer_ranks.c      how ranks divide blocks
 *     optimizer_adamw.c, optimizer_sgd.c, optimizer_adafactor.c, optimizer_muon.c: one row each
 *
 * A method keeps one or two states: arrays of elements for each parameter, saved in checkpoints.
 * A state that has an element for every element of the model uses the model's own layout. Others
 * have a table of their own, with a row for each parameter of the model. */
#ifndef CADRE_TRAIN_OPTIMIZER_METHOD_H
#define CADRE_TRAIN_OPTIMIZER_METHOD_H

#include "base/memory.h"
#include "train/optimizer.h"

enum { BLOCK = OPTIMIZER_BLOCK };

/* Neighbouring elements of one parameter, which one worker updates together */
typedef struct block {
    int64_t param;         /* its row in the table */
    int64_t begin;         /* how many elements of the parameter come before it */
    int64_t offset, count; /* in the flat layout */
    bool decays, router;   /* it decays; its rate is --router-lr */
    bool owned;            /* this rank updates it */
    bool counted;          /* this rank counts it, as a whole block, in the gradient's norm */
    bool is_piece; /* it is a piece of a block of the whole model; other ranks have the rest */
    int64_t frozen, frozen_end; /* elements frozen .. frozen_end - 1 are not trained */
    int64_t place,
        at; /* its index among the whole model's blocks, and where in that one it begins */
} block;

/* A piece of a block that several ranks divide, as all ranks know it */
typedef struct piece {
    int64_t place, at, count; /* as in a block */
} piece;

/* What a step needs; the same for all parameters */
typedef struct optimizer_step_args {
    real *values;
    const real *gradient;
    real scale; /* of the gradient, from clipping; 1: it is not clipped */
    double lr, router_lr;
    int64_t t; /* from 1 */
} optimizer_step_args;

typedef struct optimizer_method {
    const char *name;
    /* The prefix of a state's tensor names in a checkpoint; NULL: there are fewer states */
    const char *state[OPTIMIZER_STATES];
    /* The shape of a parameter's state, with rows 0 if it has none. NULL: every state has the shape
     * of its parameter */
    param_shape (*shape)(int state, const param *p);
    bool ranks;      /* it updates each element by itself: ranks may divide parameters anywhere */
    bool whole;      /* it updates a parameter as a whole: none may be frozen in part */
    bool betas;      /* it reads beta1, beta2 and eps */
    double momentum; /* the default; 0: it has none */
    const char *meaning; /* in one line */
    /* Lays out the method's workspace, and fills in what does not change; NULL: it has none */
    void (*layout)(optimizer *o, arena *a);
    void (*open)(optimizer *o);
    void (*step)(optimizer *o, const optimizer_step_args *s);
} optimizer_method;

extern const optimizer_method optimizer_adamw, optimizer_sgd, optimizer_adafactor, optimizer_muon;

struct optimizer {
    compute *c;
    optimizer_options options;
    const optimizer_method *method;
    const param_table *table; /* borrowed */
    arena arena;
    int64_t count;                     /* blocks */
    block *blocks;                     /* [count] */
    double *squares;                   /* [count] */
    param_table own[OPTIMIZER_STATES]; /* tables of states that differ from the model's */
    optimizer_state state[OPTIMIZER_STATES];
    int states;
    void *workspace; /* of the method */
    /* Where ranks divide the parameters (ranks NULL: there is one rank): the squares of the blocks
     * that ranks count, rank after rank, the places of these blocks in the whole model, and the
     * squares in the order of the whole model */
    comm *ranks;
    arena gathered;                /* the memory of these arrays */
    int64_t all;                   /* blocks of the whole model */
    int64_t *from;                 /* [ranks + 1] where each rank's blocks begin */
    int64_t *place;                /* [all] */
    double *all_squares, *ordered; /* [all] */
    /* Pieces of blocks, rank after rank: where each rank's pieces, and their elements, begin */
    int64_t *piece_from, *element_from; /* [ranks + 1] */
    piece *pieces;
    int64_t *sorted, *element; /* [pieces] indices in order of place; where its elements begin */
    real *elements;            /* of all pieces */
    real *joined;              /* [BLOCK] one block put together of its pieces */
};

/* The number of blocks of a parameter. Blocks begin at multiples of BLOCK of the whole parameter,
 * whichever of its rows this rank has. */
static inline int64_t optimizer_blocks_of(const param *p)
{
    int64_t before = param_elements_before(p), size = p->rows * p->cols;
    return p->kind == PARAM_STATE ? 0 : (before % BLOCK + size + BLOCK - 1) / BLOCK;
}

static inline int64_t optimizer_count_blocks(const param_table *table)
{
    int64_t count = 0;
    for (int64_t i = 0; i < table->count; i++) count += optimizer_blocks_of(&table->rows[i]);
    return count;
}

/* Where a parameter's state begins */
static inline real *optimizer_state_of(const optimizer *o, int state, int64_t row)
{
    return o->state[state].values + o->state[state].table->rows[row].offset;
}

static inline double optimizer_rate(const optimizer_step_args *s, const block *b)
{
    return b->router ? s->router_lr : s->lr;
}

static inline double optimizer_decay(const optimizer *o, const block *b)
{
    return b->decays ? o->options.weight_decay : 0;
}

/* ---- optimizer_blocks.c ---- */

/* Updates the elements first .. end - 1 of a block. */
typedef void (*optimizer_update)(
    const optimizer *o, const optimizer_step_args *s, const block *b, int64_t first, int64_t end);

/* Updates the elements of a block that are not frozen, if this rank owns the block. */
void optimizer_update_block(
    const optimizer *o, const optimizer_step_args *s, const block *b, optimizer_update update);
/* The same for all blocks, over all workers */
void optimizer_update_all(
    const optimizer *o, const optimizer_step_args *s, optimizer_update update);

/* ---- optimizer_adamw.c ---- */

/* Takes an AdamW step on elements first .. end - 1 of a block; states 0 and 1 are the moments. */
void optimizer_adamw_update(
    const optimizer *o, const optimizer_step_args *s, const block *b, int64_t first, int64_t end);

/* ---- optimizer_ranks.c ---- */

/* The sum of squares of all ranks' gradients; o->squares has those of this rank's blocks. */
double optimizer_sum_of_ranks(optimizer *o, const real *gradient);

#endif
