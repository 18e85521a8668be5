/* policy_counts.c - policies by when, or how often, an expert was used: lru (when it was last
 * used), lfu (how often), aged-lfu (how often, where a use counts half as much every 16 tokens). */
#include <math.h>

#include "store/policy_row.h"

static const double HALF_LIFE = 16; /* tokens */

static double first_array(const policy *p, int32_t expert) { return p->array[0][expert]; }

static void visit_lru(policy *p, int64_t layer, const int32_t *rows, int64_t tokens)
{
    int32_t first = p->shape.first[layer], count = p->shape.first[layer + 1] - first;
    (void)tokens;
    for (int32_t e = 0; e < count; e++)
        if (rows[e]) p->array[0][first + e] = (double)p->visits;
}

/* Before any visit, an expert that is likelier to be used counts as used later. */
static void expect_lru(policy *p, int32_t expert, double chance) { p->array[0][expert] = chance; }

static void visit_lfu(policy *p, int64_t layer, const int32_t *rows, int64_t tokens)
{
    int32_t first = p->shape.first[layer], count = p->shape.first[layer + 1] - first;
    for (int32_t e = 0; e < count; e++) p->array[0][first + e] += policy_use_of(rows[e], tokens);
}

/* As if HALF_LIFE tokens had come before */
static void expect_lfu(policy *p, int32_t expert, double chance)
{
    p->array[0][expert] = HALF_LIFE * chance;
}

/* A count c at time t is worth c 2^(-(now - t) / 16). Its logarithm, but for what all experts have
 * in common, is log2 c + t / 16: it stays as it is while time goes on. */
static void visit_aged(policy *p, int64_t layer, const int32_t *rows, int64_t tokens)
{
    int32_t first = p->shape.first[layer], count = p->shape.first[layer + 1] - first;
    double *worth = p->array[0] + first, now = p->time / HALF_LIFE;
    for (int32_t e = 0; e < count; e++)
        if (rows[e])
            worth[e] = now + log2((worth[e] != 0 ? exp2(worth[e] - now) : 0) +
                                  policy_use_of(rows[e], tokens));
}

/* The value that the count of an expert approaches if each token uses it with this chance */
static void expect_aged(policy *p, int32_t expert, double chance)
{
    p->array[0][expert] = chance > 0 ? log2(chance * HALF_LIFE / log(2)) : -HALF_LIFE;
}

const policy_row policy_lru = { "lru", "least recently used", 1, visit_lru, first_array,
    expect_lru };
const policy_row policy_lfu = { "lfu", "least often used", 1, visit_lfu, first_array, expect_lfu };
const policy_row policy_aged = { "aged-lfu",
    "least often used, where a use counts half as much every 16 tokens", 1, visit_aged, first_array,
    expect_aged };
