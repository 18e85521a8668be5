/* expert_source.h - where a pass gets the weights of a layer's experts: all of them are readable at
 * any time, or a few at a time are brought into memory.
 *
 * A layer's experts run in waves. The layer lists the experts that have rows; the source makes some
 * of them readable and says which; the products of these are computed; the source may then use
 * their memory for others. A list of 2, 5 and 9, and a source that has 9 already and room for two:
 *
 *     acquire {2, 5, 9}    holds 2: {9, 2}, 5    products of 9 and 2    release {9, 2}
 *     acquire {5}          holds 1: {5}          products of 5          release {5}
 *
 * An expert's rows are its own, so that the waves change no bit. */
#ifndef CADRE_MOE_EXPERT_SOURCE_H
#define CADRE_MOE_EXPERT_SOURCE_H

#include "base/status.h"
#include "kernel/weight.h"
#include "moe/plan.h"

/* Weights of the experts that this rank holds: views with one pointer an expert, or one plain
 * matrix. Forms with one input use `gate` alone. Fastest where they are joined. */
typedef struct expert_weights {
    weight gate, up, down; /* [H, D], [H, D], [D, H] */
    /* Each expert's up lies right behind its gate, in the same format: one matrix [2H, D] */
    bool joined;
    const real *const *gate_bias; /* [experts] of [H]; NULL: none. So are the next two */
    const real *const *up_bias;   /* [experts] of [H] */
    const real *const *down_bias; /* [experts] of [D] */
} expert_weights;

typedef struct expert_wave {
    int64_t layer;                 /* its number in the model */
    const plan *plan;              /* NULL: a shared expert's */
    const expert_weights *opened;  /* the layer's views as they were opened */
    int32_t *experts;              /* [count] those still to come; acquire may reorder them */
    int32_t count;                 /* at least 1 */
    int32_t held;                  /* acquire: so many of the first are readable, 1 .. count, ... */
    const expert_weights *weights; /* ... through these views, until release */
} expert_wave;

/* Biases are readable at any time. A pass that fails releases what it acquired. */
typedef struct expert_source expert_source;
struct expert_source {
    /* Tells the source the plan of a layer: the experts in it will be wanted, and after them those
     * that the source predicts. */
    void (*prefetch)(expert_source *s, int64_t layer, const plan *p);
    /* Tells the source a guess, before the plan of an earlier layer: scores [tokens, E] of a
     * layer's experts, of which the highest are the likeliest. NULL: it takes no guesses */
    void (*expect)(expert_source *s, int64_t layer, const real *score, int64_t tokens);
    cadre_status (*acquire)(expert_source *s, expert_wave *w);
    void (*release)(expert_source *s, const expert_wave *w);
};

/* Does the same, but s may be NULL: then all weights are readable as they were opened. */
static inline void expert_source_prefetch(expert_source *s, int64_t layer, const plan *p)
{
    if (s) s->prefetch(s, layer, p);
}

static inline cadre_status expert_source_acquire(expert_source *s, expert_wave *w)
{
    if (s) return s->acquire(s, w);
    w->held = w->count;
    w->weights = w->opened;
    return CADRE_OK;
}

static inline void expert_source_release(expert_source *s, const expert_wave *w)
{
    if (s) s->release(s, w);
}

#endif
