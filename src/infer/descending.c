/* descending.c - a radix sort from the most significant digit on. A group is sorted further only
 * when a caller reads it.
 *
 * The bits of floats from 0 to 1 are integers below 2^30 in the same order: three digits of ten
 * bits. The largest digit comes first. A group of tokens that agree in a digit is divided by the
 * next one; a small group is sorted by insertion. Both keep equal tokens in the order of their
 * ids. */
#include "infer/descending.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { DIGITS = 3, FEW = 24 };

static int digit(float p, int level)
{
    uint32_t bits;
    memcpy(&bits, &p, sizeof bits);
    int shift = (DIGITS - 1 - level) * DESCENDING_BITS;
    return DESCENDING_DIGITS - 1 - (int)(bits >> shift & (DESCENDING_DIGITS - 1));
}

/* start[k] becomes the place of the first token of digit k, from the counts in start[k + 1]. */
static void counts_to_places(int64_t start[DESCENDING_DIGITS + 1])
{
    for (int k = 0; k < DESCENDING_DIGITS; k++) start[k + 1] += start[k];
}

/* Divides items begin .. begin + count, which agree in the digits before `level`. */
static void divide(
    descending *d, int64_t begin, int64_t count, int level, int64_t start[DESCENDING_DIGITS + 1])
{
    descending_item *items = d->items + begin, *spare = d->spare + begin;
    int64_t place[DESCENDING_DIGITS];
    memset(start, 0, (DESCENDING_DIGITS + 1) * sizeof *start);
    for (int64_t i = 0; i < count; i++) start[digit(items[i].p, level) + 1]++;
    bool alike = start[digit(items[0].p, level) + 1] == count;
    counts_to_places(start);
    if (alike) return;
    memcpy(place, start, sizeof place);
    for (int64_t i = 0; i < count; i++) spare[place[digit(items[i].p, level)]++] = items[i];
    memcpy(items, spare, (size_t)count * sizeof *items);
}

static void insert(descending_item *items, int64_t count)
{
    for (int64_t i = 1; i < count; i++) {
        descending_item own = items[i];
        int64_t at = i;
        for (; at > 0 && items[at - 1].p < own.p; at--) items[at] = items[at - 1];
        items[at] = own;
    }
}

static void sort(descending *d, int64_t begin, int64_t count, int level)
{
    int64_t start[DESCENDING_DIGITS + 1];
    if (count <= FEW) {
        insert(d->items + begin, count);
        return;
    }
    if (level == DIGITS) return;
    divide(d, begin, count, level, start);
    for (int k = 0; k < DESCENDING_DIGITS; k++)
        if (start[k + 1] - start[k] > 1)
            sort(d, begin + start[k], start[k + 1] - start[k], level + 1);
}

void descending_begin(
    descending *d, const float *p, int64_t count, descending_item *items, descending_item *spare)
{
    int64_t place[DESCENDING_DIGITS];
    *d = (descending){ .items = items, .spare = spare };
    for (int64_t i = 0; i < count; i++) d->start[digit(p[i], 0) + 1]++;
    counts_to_places(d->start);
    memcpy(place, d->start, sizeof place);
    for (int64_t i = 0; i < count; i++)
        items[place[digit(p[i], 0)]++] = (descending_item){ p[i], (int32_t)i };
}

descending_item descending_at(descending *d, int64_t i)
{
    while (d->sorted <= i) {
        int64_t begin = d->start[d->next], count = d->start[d->next + 1] - begin;
        sort(d, begin, count, 1);
        d->sorted += count;
        d->next++;
    }
    return d->items[i];
}

/* ---- by their sum ---- */

static int64_t end_of(const descending *d, int group, int64_t count)
{
    return d->start[group + 1] < count ? d->start[group + 1] : count;
}

static double group_sum(const descending *d, int group, int64_t count)
{
    double sum = 0;
    for (int64_t i = d->start[group]; i < end_of(d, group, count); i++) sum += d->items[i].p;
    return sum;
}

static int32_t find_in_group(descending *d, int group, int64_t count, double sum)
{
    int64_t begin = d->start[group], found = begin;
    if (group >= d->next) sort(d, begin, d->start[group + 1] - begin, 1);
    for (int64_t i = begin; i < end_of(d, group, count) && d->items[i].p > 0 && sum >= 0; i++) {
        sum -= d->items[i].p;
        found = i;
    }
    return d->items[found].id;
}

int32_t descending_find(descending *d, int64_t count, double sum)
{
    int last = 0; /* group that is not all zeros */
    for (int k = 0; k < DESCENDING_DIGITS && d->start[k] < count; k++) {
        double group = group_sum(d, k, count);
        if (group <= 0) continue;
        if (sum < group) return find_in_group(d, k, count, sum);
        sum -= group;
        last = k;
    }
    return find_in_group(d, last, count, INFINITY);
}
