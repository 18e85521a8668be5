/* choose_token.c - assignment where every token chooses its experts: by the row's scores the K
 * best, or fewer.
 *
 * Tokens choose side by side, each into room for K edges; then the plan's edges are moved together,
 * which moves nothing where every token has K. */
#include <string.h>

#include "moe/routing.h"
#include "moe/select.h"
#include "op/parallel.h"

enum { GRAIN = 16 }; /* tokens: neighbours that one worker takes */

static void choose_task(void *arg, int64_t begin, int64_t end)
{
    const routing *r = arg;
    int64_t *count = r->plan->token_start + 1;
    for (int64_t i = begin; i < end; i++) {
        router_token t = routing_token(r, i, i * r->options->topk, r->options->topk);
        r->router->score(&t);
        count[i] = 0;
        if (!plan_is_valid(r->plan, i)) continue;
        select_topk(t.experts, t.key, t.count, t.expert);
        count[i] = r->router->truncate ? r->router->truncate(&t) : t.count;
        if (t.load) r->router->load(&t);
    }
}

/* Counts become first edges, and the edges move together. */
static void close_gaps(plan *p, int32_t room)
{
    p->token_start[0] = 0;
    for (int64_t t = 0; t < p->tokens; t++) {
        int64_t count = p->token_start[t + 1], from = t * room, to = p->token_start[t];
        if (to != from)
            memmove(p->edge_expert + to, p->edge_expert + from, (size_t)count * sizeof(gexp));
        p->token_start[t + 1] = to + count;
    }
    p->edges = p->token_start[p->tokens];
}

void assign_by_token(routing *r)
{
    plan *p = r->plan;
    parallel_over(r->compute, p->tokens, GRAIN, p->tokens * p->experts, choose_task, r);
    close_gaps(p, r->options->topk);
}
