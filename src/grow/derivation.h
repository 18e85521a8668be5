/* derivation.h - a model made of others. Each of its parameters is an unchanged parameter of
 * theirs, or is made by a method. It is written parameter by parameter, so that no model need fit
 * in memory.
 *
 * A method (upcycle, grow, prune, merge) decides the new model's configuration and says for every
 * parameter where it comes from. Everything else is done here for all methods: which tensors there
 * are, their formats, the tokenizer and companions, and that the output appears complete or not at
 * all. */
#ifndef CADRE_GROW_DERIVATION_H
#define CADRE_GROW_DERIVATION_H

#include "cadre/write.h"
#include "kernel/compute.h"
#include "weights/model_input.h"

/* Where a parameter of the new model comes from. */
typedef struct origin {
    bool made;     /* the method makes it; otherwise it is `from`, unchanged */
    int32_t input; /* index of the model that has `from`; -1: it is made, and new */
    param from;    /* of a made one: the parameter whose number format it gets */
} origin;

typedef struct derivation {
    const model_config *config; /* of the new model */
    const model_input *inputs;  /* [count] open; the companions of the first are copied */
    int32_t count;
    /* *o is preset to the unchanged parameter of input 0 with the same role, layer and expert. */
    void (*origin)(void *arg, const param *p, origin *o);
    cadre_status (*make)(void *arg, const param *p, real *values); /* [rows, cols] */
    void *arg;
} derivation;

cadre_status derivation_write(
    const compute *c, const derivation *d, const char *out, const cadre_output_listener *listener);

/* The parameter of this role that a model has, with its shape; rows 0: it has none. */
param derivation_param(const model_input *in, param_role role, int64_t layer, int64_t expert);

/* Reads its values [rows, cols]. */
cadre_status derivation_read(const model_input *in, const param *p, real *values);

#endif
