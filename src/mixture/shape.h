/* shape.h - the sizes of a mixture and the list of its parameters.
 *
 * D = inputs + 1 (the bias is the last column). F = D, or H + 1 if experts are networks with H
 * hidden units. O is the number of targets, or of classes. All parameters lie in one array of
 * doubles, in these parts:
 *     gate     [E, D]; with a gate for each task [O, E, D]; in a hierarchy [G, D]
 *     inner    [G, K, D], in a hierarchy only
 *     experts  [E, O, F]; in a hierarchy [G, K, O, F]
 *     hidden   [E, H, D], if experts are networks
 *     variance [E]; in a hierarchy [G, K]; if the method learns one */
#ifndef CADRE_MIXTURE_SHAPE_H
#define CADRE_MIXTURE_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct mixture_shape {
    int64_t inputs;
    int64_t outputs; /* O */
    int64_t experts; /* E; in a hierarchy G * K */
    int64_t groups;  /* G; 0: no hierarchy */
    int64_t hidden;  /* H; 0: experts are linear */
    bool classify, task_gates, variance;
} mixture_shape;

enum mixture_part_name {
    PART_GATE,
    PART_INNER,
    PART_EXPERTS,
    PART_HIDDEN,
    PART_VARIANCE,
    MIXTURE_PARTS
};
enum { MIXTURE_RANK = 4 };

typedef struct mixture_part {
    const char *name; /* static */
    int rank;         /* 0: the mixture has no such part */
    int64_t shape[MIXTURE_RANK];
    int64_t offset, count; /* in the array of parameters */
} mixture_part;

typedef struct mixture_layout {
    mixture_part part[MIXTURE_PARTS];
    int64_t count; /* of all parts */
} mixture_layout;

/* Returns CADRE_ENOMEM for more parameters than an address space holds. */
cadre_status mixture_layout_of(const mixture_shape *s, mixture_layout *l);

static inline int64_t mixture_width(const mixture_shape *s) { return s->inputs + 1; } /* D */
static inline int64_t mixture_features(const mixture_shape *s)                        /* F */
{
    return s->hidden ? s->hidden + 1 : mixture_width(s);
}
/* The number of columns that are predicted; classes are one column. */
static inline int64_t mixture_targets(const mixture_shape *s)
{
    return s->classify ? 1 : s->outputs;
}
/* The number of gates, which are the rows of log gates: one, or one for each target. */
static inline int64_t mixture_gates(const mixture_shape *s)
{
    return s->task_gates ? s->outputs : 1;
}

#endif
