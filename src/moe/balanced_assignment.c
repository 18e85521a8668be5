/* balanced_assignment.c - the assignment of tokens to experts, none of which takes more than its
 * share, with the largest sum of affinities: exact, by shortest augmenting paths.
 *
 * Tokens join one by one. Each finds the best chain: it takes a place at expert e, one of e's
 * tokens moves to f, one of f's to g ..., until an expert has a place left. What a move from e to f
 * gains is the best difference a_tf - a_te over e's tokens, kept in a table [E, E] of which a move
 * changes two rows; the best chain to each expert is found by relaxing that table (Bellman-Ford).
 * The assignment of the tokens so far is always the best one for them, so no chain gains in a
 * circle. Work: T tokens times E^2 to E^3. */
#include "moe/balanced_assignment.h"

#include <math.h>

size_t balanced_assignment_bytes(int32_t experts)
{
    size_t e = (size_t)experts;
    return e * e * (sizeof(double) + sizeof(int32_t)) + e * (sizeof(double) + 2 * sizeof(int32_t));
}

typedef struct chains {
    const balanced_problem *problem;
    double *gain;   /* [E, E] of the best move from one expert to another */
    double *value;  /* [E] of the best chain that ends at the expert */
    int32_t *mover; /* [E, E] the token of that move; -1: none */
    int32_t *from;  /* [E] the expert before it on the chain; -1: the token joins here */
    int32_t *used;  /* [E] places taken */
    int32_t *expert;
} chains;

static double affinity(const chains *c, int64_t token, int32_t expert)
{
    return (double)c->problem->affinity[token * c->problem->experts + expert];
}

static void find_moves(const chains *c, int32_t e)
{
    int32_t experts = c->problem->experts;
    for (int32_t f = 0; f < experts; f++)
        c->gain[e * experts + f] = -INFINITY, c->mover[e * experts + f] = -1;
    for (int64_t t = 0; t < c->problem->tokens; t++) {
        if (c->expert[t] != e) continue;
        for (int32_t f = 0; f < experts; f++) {
            double gain = affinity(c, t, f) - affinity(c, t, e);
            if (f == e || !(gain > c->gain[e * experts + f])) continue;
            c->gain[e * experts + f] = gain, c->mover[e * experts + f] = (int32_t)t;
        }
    }
}

/* The value of the best chain to each expert. Chains have no circle, so E rounds are enough; the
 * margin keeps rounding from making one. */
static void find_chains(const chains *c, int64_t token)
{
    int32_t experts = c->problem->experts;
    for (int32_t e = 0; e < experts; e++) c->value[e] = affinity(c, token, e), c->from[e] = -1;
    bool better = true;
    for (int32_t round = 0; better && round < experts; round++) {
        better = false;
        for (int32_t e = 0; e < experts; e++)
            for (int32_t f = 0; c->used[e] && f < experts; f++) {
                double value = c->value[e] + c->gain[e * experts + f];
                if (!(value > c->value[f] + 1e-12 * (1 + fabs(value)))) continue;
                c->value[f] = value, c->from[f] = e, better = true;
            }
    }
}

static int32_t best_end(const chains *c)
{
    int32_t best = -1;
    for (int32_t e = 0; e < c->problem->experts; e++)
        if (c->used[e] < c->problem->most && (best < 0 || c->value[e] > c->value[best])) best = e;
    return best;
}

static void join(const chains *c, int64_t token)
{
    int32_t experts = c->problem->experts;
    find_chains(c, token);
    int32_t end = best_end(c), e = end;
    c->used[end]++;
    for (; c->from[e] >= 0; e = c->from[e]) c->expert[c->mover[c->from[e] * experts + e]] = e;
    c->expert[token] = e;
    for (e = end; e >= 0; e = c->from[e]) find_moves(c, e);
}

void balanced_assign(const balanced_problem *p, void *scratch, int32_t *expert)
{
    size_t pairs = (size_t)p->experts * (size_t)p->experts, count = (size_t)p->experts;
    double *doubles = scratch;
    int32_t *integers = (void *)(doubles + pairs + count);
    chains c = { p, doubles, doubles + pairs, integers, integers + pairs, integers + pairs + count,
        expert };
    for (int64_t t = 0; t < p->tokens; t++) expert[t] = -1;
    for (int32_t e = 0; e < p->experts; e++) c.used[e] = 0, find_moves(&c, e);
    for (int64_t t = 0; t < p->tokens; t++)
        if (!p->valid || p->valid[t]) join(&c, t);
}
