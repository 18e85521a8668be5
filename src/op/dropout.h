/* dropout.h - in training, random elements of a layer's output are set to 0 and the others are
 * divided by the probability that an element stays (Srivastava et al. 2014). */
#ifndef CADRE_OP_DROPOUT_H
#define CADRE_OP_DROPOUT_H

#include "base/random.h"
#include "kernel/compute.h"
#include "op/batch.h"

typedef struct dropout {
    double chance; /* that an element becomes 0 */
    random_key key;
    int64_t first_token; /* place of row 0 among all tokens of the optimiser step */
} dropout;

/* use: of the random numbers; layer: its number in the model */
dropout dropout_of(const batch_random *random, double chance, const char *use, int64_t layer);

/* x [T, D] becomes its dropout; a gradient by the output becomes that by the input. */
void dropout_apply(const compute *c, const dropout *d, int64_t tokens, int64_t width, real *x);

#endif
