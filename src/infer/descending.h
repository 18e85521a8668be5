/* descending.h - the tokens of a vocabulary by their probabilities, the most probable first, of
 * equal ones the lower id. They are sorted only as far as a caller reads, in time linear in their
 * number.
 *
 * A draw (top-p) often reads few of them, but nothing bounds how many. If it reads many, a heap
 * would take longer than the pass that the logits come from. */
#ifndef CADRE_INFER_DESCENDING_H
#define CADRE_INFER_DESCENDING_H

#include <stdint.h>

enum { DESCENDING_BITS = 10, DESCENDING_DIGITS = 1 << DESCENDING_BITS };

/* A token beside its probability, so that sorting reads memory from one end to the other. */
typedef struct descending_item {
    float p;
    int32_t id;
} descending_item;

typedef struct descending {
    descending_item *items;               /* [count], of which the first `sorted` are in order */
    descending_item *spare;               /* [count] */
    int64_t sorted, next;                 /* the first digit that comes */
    int64_t start[DESCENDING_DIGITS + 1]; /* of the tokens with each first digit */
} descending;

/* p: [count] from 0 to 1. items and spare are memory to work in, which is the caller's. */
void descending_begin(
    descending *d, const float *p, int64_t count, descending_item *items, descending_item *spare);

/* The first token at which the sum of those up to it is above `sum`, of the first `count`; the last
 * that is not 0, if none is. `count` is that of all, or so many have been looked at. Tokens that
 * agree in the first digit are passed over together, so that few are put in order. */
int32_t descending_find(descending *d, int64_t count, double sum);

/* What is at place i < count. */
descending_item descending_at(descending *d, int64_t i);

#endif
