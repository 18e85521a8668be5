/* choose_token.c - assignment where every token's experts are found for it by itself: by the row's
 * scores the K best, or those that its `choose` names.
 *
 * Tokens choose side by side, each into room for the most that one can have; then the plan's edges
 * are moved together, which moves nothing where every token has as many. */
#include <string.h>

#include "moe/routing.h"
#include "moe/select.h"
#include "op/parallel.h"

enum { GRAIN = 16 }; /* tokens: neighbours that one worker takes */

typedef struct choose_job {
    const routing *r;
    int32_t room;
    choose_function *choose;
} choose_job;

static void choose_task(void *arg, int64_t begin, int64_t end)
{
    const choose_job *job = arg;
    const routing *r = job->r;
    int64_t *count = r->plan->token_start + 1;
    for (int64_t i = begin; i < end; i++) {
        router_token t = routing_token(r, i, i * job->room, job->room);
        int32_t chosen = job->choose(&t);
        routing_choose(&t, chosen);
        count[i] = plan_is_valid(r->plan, i) ? chosen : 0;
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

void assign_each(routing *r, choose_function *choose)
{
    plan *p = r->plan;
    choose_job job = { r, router_most_picks(r->router, r->options, p->experts), choose };
    parallel_over(r->compute, p->tokens, GRAIN, p->tokens * p->experts, choose_task, &job);
    close_gaps(p, job.room);
}

/* The K best, or fewer where the row truncates. */
static int32_t choose_best(const router_token *t)
{
    const router *row = t->routing->router;
    row->score(t);
    if (!plan_is_valid(t->routing->plan, t->index)) return 0;
    select_topk(t->experts, t->key, t->count, t->expert);
    int32_t count = row->truncate ? row->truncate(t) : t->count;
    if (t->load) row->load(t);
    return count;
}

void assign_by_token(routing *r) { assign_each(r, choose_best); }

/* ---- for rows whose `choose` is their own ---- */

static void score_task(void *arg, int64_t begin, int64_t end)
{
    const routing *r = arg;
    for (int64_t i = begin; i < end; i++) {
        router_token t = routing_token(r, i, 0, 0);
        r->router->score(&t);
    }
}

void score_each(routing *r)
{
    int64_t tokens = r->plan->tokens;
    parallel_over(r->compute, tokens, GRAIN, tokens * r->plan->experts, score_task, r);
}

int32_t choose_where(const router_token *t, bool (*chosen)(const router_token *t, int32_t expert))
{
    int32_t count = 0;
    for (int32_t e = 0; e < t->experts; e++) {
        if (!chosen(t, e)) continue;
        int32_t place = count++;
        for (; place > 0 && t->key[e] > t->key[t->expert[place - 1].id]; place--)
            t->expert[place] = t->expert[place - 1];
        t->expert[place] = (gexp){ e };
    }
    return count;
}
