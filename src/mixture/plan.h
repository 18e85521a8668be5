/* plan.h - what the options say about a mixture and about how it is fitted. */
#ifndef CADRE_MIXTURE_PLAN_H
#define CADRE_MIXTURE_PLAN_H

#include "cadre/options.h"
#include "mixture/shape.h"

enum mixture_method { METHOD_EM, METHOD_GRADIENT, METHOD_COOPERATIVE, METHOD_COMPETITIVE };

typedef struct mixture_plan {
    enum mixture_method method;
    mixture_shape shape; /* the table gives inputs and outputs */
    bool standardise;
    int64_t iterations, sample;
    double rate;
    uint64_t seed;
    const char *target, *init, *trace, *out; /* borrowed from the options; NULL: not given */
} mixture_plan;

/* Returns CADRE_EARGUMENT, with names, for options that do not go together. */
cadre_status mixture_plan_of(const cadre_options *o, mixture_plan *p);

const char *mixture_method_name(enum mixture_method method); /* static */
cadre_status mixture_method_of(const char *file, const char *name, enum mixture_method *method);

#endif
