/* replay.c - simulates what expert_store.c does with its slots, without memory and reads. */
#include "store/replay.h"

#include <string.h>

#include "base/memory.h"
#include "store/best_possible.h"

typedef struct replay_state {
    const replay *r;
    policy policy;
    bool *held;      /* [experts] */
    int64_t *wanted; /* [experts] the last visit that used it, counted from 1 */
    int32_t *rows;   /* [experts of a layer] */
    int32_t count, slots;
} replay_state;

static void evict(replay_state *p, int64_t visit)
{
    int32_t least = -1, experts = p->r->shape.first[p->r->shape.layers];
    double worth = 0;
    for (int32_t e = 0; e < experts; e++) {
        if (!p->held[e] || p->wanted[e] == visit) continue;
        double own = policy_worth(&p->policy, e);
        if (least < 0 || own < worth) least = e, worth = own;
    }
    if (least < 0) return;
    p->held[least] = false;
    p->count--;
}

static int64_t visit(replay_state *p, int64_t v)
{
    const replay *r = p->r;
    int32_t layer = r->layer[v], first = r->shape.first[layer];
    int64_t hits = 0;
    memset(p->rows, 0, (size_t)(r->shape.first[layer + 1] - first) * sizeof *p->rows);
    for (int64_t i = r->start[v]; i < r->start[v + 1]; i++) {
        p->rows[r->picks[i] - first]++;
        p->wanted[r->picks[i]] = v + 1;
    }
    policy_visit(&p->policy, layer, p->rows, 1);
    for (int64_t i = r->start[v]; i < r->start[v + 1]; i++) {
        int32_t e = r->picks[i];
        hits += p->held[e];
        if (p->held[e]) continue;
        if (p->count == p->slots) evict(p, v + 1);
        if (p->count == p->slots) continue;
        p->held[e] = true;
        p->count++;
    }
    return hits;
}

static cadre_status fill(replay_state *p)
{
    int32_t experts = p->r->shape.first[p->r->shape.layers], *order;
    policy_expect(&p->policy, p->r->past->use, p->r->past->tokens);
    CADRE_TRY(expert_frequency_order(p->r->past->use, experts, &order));
    while (p->count < p->slots && p->count < experts) p->held[order[p->count++]] = true;
    mem_free(order);
    return CADRE_OK;
}

cadre_status replay_hits(const replay *r, const policy_row *row, int32_t slots, int64_t *hits)
{
    int32_t experts = r->shape.first[r->shape.layers];
    if (!row) return best_possible_hits(r->picks, r->start[r->visits], experts, slots, hits);
    replay_state p = { .r = r,
        .slots = slots,
        .held = MEM_ARRAY(bool, experts),
        .wanted = MEM_ARRAY(int64_t, experts),
        .rows = MEM_ARRAY(int32_t, experts) };
    cadre_status status = p.held && p.wanted && p.rows ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) status = policy_open(row, r->shape, &p.policy);
    int64_t found = 0;
    if (status == CADRE_OK && r->past) status = fill(&p);
    for (int64_t v = 0; status == CADRE_OK && v < r->visits; v++) found += visit(&p, v);
    policy_close(&p.policy);
    mem_free(p.held);
    mem_free(p.wanted);
    mem_free(p.rows);
    if (status == CADRE_OK) *hits = found;
    return status;
}
