/* plan.c - the plan's memory, and reading its report of losses. */
#include "moe/plan.h"

void plan_layout(plan *p, arena *a, const plan_limits *most)
{
    *p = (plan){ .tokens = most->tokens, .experts = most->experts };
    p->token_start = ARENA_ARRAY(a, int64_t, most->tokens + 1);
    p->edge_expert = ARENA_ARRAY(a, gexp, most->edges);
    p->edge_weight = ARENA_ARRAY(a, real, most->edges);
    p->edge_row = ARENA_ARRAY(a, int32_t, most->edges);
    if (most->limited) p->edge_lost = ARENA_ARRAY(a, gexp, most->edges);
    p->load = ARENA_ARRAY(a, int64_t, most->experts);
    p->kept = ARENA_ARRAY(a, int64_t, most->experts);
    p->first = ARENA_ARRAY(a, int64_t, most->experts + 1);
    p->row_token = ARENA_ARRAY(a, int32_t, most->rows);
    p->row_edge = ARENA_ARRAY(a, int32_t, most->rows);
}

/* Bisection: the last token whose first edge is not behind this one. Tokens without edges share
 * their start with the next. */
int64_t plan_token_of(const plan *p, int64_t edge)
{
    int64_t low = 0, high = p->tokens - 1;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        if (p->token_start[middle] <= edge) low = middle;
        else high = middle - 1;
    }
    return low;
}

bool plan_next_loss(const plan *p, int64_t *cursor, plan_loss *loss)
{
    int64_t edges = p->edge_lost ? p->edges : 0;
    for (int64_t i = *cursor; i < edges; i++) {
        if (p->edge_lost[i].id < 0) continue;
        int64_t token = plan_token_of(p, i);
        *loss = (plan_loss){ .token = token,
            .rank = (int32_t)(i - p->token_start[token]),
            .wanted = p->edge_lost[i],
            .instead = p->edge_row[i] >= 0 ? p->edge_expert[i] : GEXP_NONE };
        *cursor = i + 1;
        return true;
    }
    *cursor = edges;
    return false;
}
