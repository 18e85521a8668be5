/* initialise.h - random weights as a recipe has them. Each is a function of the seed and of its
 * parameter's place. */
#ifndef CADRE_WEIGHTS_INITIALISE_H
#define CADRE_WEIGHTS_INITIALISE_H

#include "arch/param.h"
#include "arch/recipe.h"
#include "base/real.h"
#include "kernel/compute.h"

typedef struct init_options {
    init_rule rule;
    double scale;
    double variance; /* a factor, of --init-scale */
    bool zero_router, unit_embedding;
    uint64_t seed;
} init_options;

/* With r NULL: normal, with the deviation that the configuration names. `options` are a model's. */
init_options init_options_of(
    const recipe *r, const model_config *config, const cadre_options *options, uint64_t seed);

/* Norms and the biases of an LSTM's forget gates become 1, other biases and states 0, and the rest
 * follows the rule. `values` is the flat layout. */
void model_initialise(
    const compute *c, const param_table *table, const init_options *options, real *values);

/* Initialises one parameter, in any array. */
void param_initialise(const param *p, int64_t index, const init_options *options, int64_t begin,
    int64_t count, real *values);

#endif
