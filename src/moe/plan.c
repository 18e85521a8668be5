/* plan.c - the plan's memory, and reading its report of losses. */
#include "moe/plan.h"

void plan_layout(plan *p, arena *a, int64_t tokens, int32_t experts, int32_t picks, int64_t rows, bool limited)
{
    int64_t pairs = tokens * picks;
    *p = (plan){ .tokens = tokens, .experts = experts, .picks = picks };
    p->pick = ARENA_ARRAY(a, gexp, pairs);
    p->weight = ARENA_ARRAY(a, real, pairs);
    p->slot = ARENA_ARRAY(a, int32_t, pairs);
    if (limited) p->lost = ARENA_ARRAY(a, gexp, pairs);
    p->load = ARENA_ARRAY(a, int64_t, experts);
    p->kept = ARENA_ARRAY(a, int64_t, experts);
    p->first = ARENA_ARRAY(a, int64_t, experts + 1);
    p->row_token = ARENA_ARRAY(a, int32_t, rows);
    p->row_pick = ARENA_ARRAY(a, int32_t, rows);
}

bool plan_next_loss(const plan *p, int64_t *cursor, plan_loss *loss)
{
    int64_t pairs = p->lost ? p->tokens * p->picks : 0;
    for (int64_t i = *cursor; i < pairs; i++) {
        if (p->lost[i].id < 0) continue;
        bool served = p->slot[i] >= 0;
        *loss = (plan_loss){ .token = i / p->picks, .rank = (int32_t)(i % p->picks), .wanted = p->lost[i],
                             .instead = served ? p->pick[i] : GEXP_NONE };
        *cursor = i + 1;
        return true;
    }
    *cursor = pairs;
    return false;
}
