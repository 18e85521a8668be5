/* derivation.h - a model made of others: each of its parameters is one of theirs as it is, or is
 * made by a method, and it is written parameter by parameter, so that no model need fit in memory.
 *
 * A method (upcycle, grow, prune, merge) decides the new model's numbers and says of every
 * parameter where it comes from. Everything else (which tensors there are, formats, tokenizer and
 * companions, that the output appears whole or not at all) is done here for all of them. */
#ifndef CADRE_GROW_DERIVATION_H
#define CADRE_GROW_DERIVATION_H

#include "kernel/compute.h"
#include "weights/model_input.h"

/* Where a parameter of the new model comes from. */
typedef struct origin {
    bool made;     /* by the method; else it is `from` as it is */
    int32_t input; /* the number of the model that has `from`, or -1: a made one that is new */
    param from;    /* of a made one: whose number format it has */
} origin;

typedef struct derivation {
    const model_config *config; /* of the new model */
    const model_input *inputs;  /* [count] open; the first one's companions go along */
    int32_t count;
    /* *o is at first the parameter of the same role, layer and expert of input 0, as it is */
    void (*origin)(void *arg, const param *p, origin *o);
    cadre_status (*make)(void *arg, const param *p, real *values); /* [rows, cols] */
    void *arg;
} derivation;

cadre_status derivation_write(
    const compute *c, const derivation *d, const char *out, const cadre_output_listener *listener);

/* The parameter of this role that a model has, with its shape; rows 0: it has none. */
param derivation_param(const model_input *in, param_role role, int64_t layer, int64_t expert);

/* Its numbers [rows, cols]. */
cadre_status derivation_read(const model_input *in, const param *p, real *values);

#endif
