/* mixer_ops.h - a mixer's parameters in the form that the layers' arithmetic takes. */
#ifndef CADRE_MIXER_MIXER_OPS_H
#define CADRE_MIXER_MIXER_OPS_H

#include "mixer/mixer.h"
#include "op/linear.h"
#include "op/norm.h"

/* Elements of a row of `width` elements a query head, of the heads of all ranks, and the number of
 * pieces in which ranks have them */
static inline int64_t mixer_all_kv_heads(const mixer_config *c)
{
    return c->whole_kv_heads ? c->whole_kv_heads : c->kv_heads;
}
static inline int64_t mixer_all_heads(const mixer_config *c)
{
    return c->heads / c->kv_heads * mixer_all_kv_heads(c);
}

/* g NULL: forward only. bias: MIXER_NOTHING if there never is one */
static inline linear mixer_linear(
    const mixer_weights *w, const mixer_gradients *g, mixer_part part, mixer_part bias)
{
    return (linear){ .w = w->part[part],
        .bias = w->part[bias].data,
        .dw = g ? g->part[part] : NULL,
        .dbias = g ? g->part[bias] : NULL,
        .accumulate = g && g->accumulate,
        .leaves = g ? g->leaves : NULL };
}

static inline norm mixer_norm(
    const mixer_weights *w, const mixer_gradients *g, mixer_part part, int64_t heads, double eps)
{
    const weight *gain = &w->part[part];
    return (norm){ .heads = heads,
        .width = gain->cols,
        .gain = gain->data,
        .dgain = g ? g->part[part] : NULL,
        .eps = (real)eps,
        .accumulate = g && g->accumulate,
        .leaves = g ? g->leaves : NULL };
}

#endif
