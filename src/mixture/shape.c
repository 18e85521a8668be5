/* shape.c - lays out the parameters of a mixture. */
#include "mixture/shape.h"

#include <string.h>

#include "base/checked.h"

static void describe(
    mixture_part *part, const char *name, int rank, const int64_t shape[MIXTURE_RANK])
{
    *part = (mixture_part){ .name = name, .rank = rank };
    memcpy(part->shape, shape, (size_t)rank * sizeof *shape);
}

#define PART(which, name, ...)                                                                     \
    describe(&l->part[which], name, (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)),   \
        (int64_t[MIXTURE_RANK]){ __VA_ARGS__ })

static void describe_all(const mixture_shape *s, mixture_layout *l)
{
    int64_t d = mixture_width(s), f = mixture_features(s), e = s->experts, o = s->outputs;
    int64_t g = s->groups, k = g ? e / g : e;
    if (g) {
        PART(PART_GATE, "gate", g, d);
        PART(PART_INNER, "inner", g, k, d);
        PART(PART_EXPERTS, "experts", g, k, o, f);
        if (s->hidden) PART(PART_HIDDEN, "hidden", g, k, s->hidden, d);
        if (s->variance) PART(PART_VARIANCE, "variance", g, k);
        return;
    }
    if (s->task_gates) PART(PART_GATE, "gate", o, e, d);
    else PART(PART_GATE, "gate", e, d);
    PART(PART_EXPERTS, "experts", e, o, f);
    if (s->hidden) PART(PART_HIDDEN, "hidden", e, s->hidden, d);
    if (s->variance) PART(PART_VARIANCE, "variance", e);
}

cadre_status mixture_layout_of(const mixture_shape *s, mixture_layout *l)
{
    *l = (mixture_layout){ 0 };
    describe_all(s, l);
    for (int i = 0; i < MIXTURE_PARTS; i++) {
        mixture_part *part = &l->part[i];
        if (!part->rank) continue;
        part->offset = l->count;
        if (!checked_product(part->shape, part->rank, &part->count) ||
            __builtin_add_overflow(l->count, part->count, &l->count) || l->count > INT64_MAX / 8)
            return cadre_fail(CADRE_ENOMEM, NULL, "a mixture of these sizes is too large");
    }
    return CADRE_OK;
}
