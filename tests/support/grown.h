/* grown.h - small models that others are made of, and a look into their files. */
#ifndef CADRE_TESTS_GROWN_H
#define CADRE_TESTS_GROWN_H

#include <math.h>

#include "cadre.h"
#include "format/safetensors.h"

/* A model of random weights in the scratch folder's `name`, width 16, hidden width 48, 3 layers, a
 * vocabulary of 64; `members` of its config.json come first. */
void grown_dense(cadre_context *context, const char *name, const char *type, const char *members);

/* A model of a family (support/family.h) with random weights, large enough that its routers
 * decide. */
void grown_family(cadre_context *context, const char *name, const char *type, const char *members,
    const char *seed);

/* The options of a table and of all runs, as typed: "--experts 4 --topk 2". */
cadre_options *grown_options(cadre_option_table table, const char *typed);

/* The scratch folder's model of that name; safetensors_close. */
safetensors *grown_open(const char *name);
/* A tensor's numbers; fails the test where it is not there. */
const float *grown_floats(const safetensors *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void grown_remove(const char *name);

#endif
