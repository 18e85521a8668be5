/* span_corruption.c - decides which spans are taken out, and what is left of a text. */
#include "text/span_corruption.h"

#include <math.h>

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* As in the published code: shares are rounded, there is at least one span, and kept tokens come
 * before each. */
span_lengths span_lengths_of(const span_corruption *s, int64_t text)
{
    int64_t noise = within(llrint((double)text * s->density), 1, text - 1);
    int64_t most = noise < text - noise ? noise : text - noise;
    int64_t spans = within(llrint((double)noise / s->mean_span), 1, most);
    return (span_lengths){ .text = text,
        .noise = noise,
        .spans = spans,
        .read = text - noise + spans + 1,
        .written = noise + spans + 1 };
}

/* A walk that divides `items` into `parts` parts, none of them empty. Every division is equally
 * likely. */
typedef struct partition {
    random_key key;
    int64_t items, parts; /* what is left, including the present part */
} partition;

/* The number of items in the next part */
static int64_t next_part(partition *p)
{
    int64_t taken = 1;
    for (p->items--; p->items > 0 && p->parts > 1; p->items--, taken++) {
        double share = (double)(p->parts - 1) / (double)p->items;
        if (random_uniform(p->key, (uint64_t)p->items) < share) break;
    }
    if (--p->parts == 0) taken += p->items, p->items = 0;
    return taken;
}

void span_corrupt(const span_corruption *s, random_key key, int64_t text, const int32_t *tokens,
    int32_t *read, int32_t *inputs, int32_t *targets)
{
    span_lengths n = span_lengths_of(s, text);
    partition noise = { { key.k0, key.k1 ^ 1 }, n.noise, n.spans },
              kept = { key, text - n.noise, n.spans };
    int32_t *written = targets;
    for (int32_t i = 0; i < n.spans; i++) {
        for (int64_t count = next_part(&kept); count-- > 0;) *read++ = *tokens++;
        *read++ = *written++ = s->sentinel - i;
        for (int64_t count = next_part(&noise); count-- > 0;) *written++ = *tokens++;
    }
    *read = *written = s->end;
    inputs[0] = s->start;
    for (int64_t i = 1; i < n.written; i++) inputs[i] = targets[i - 1];
}
