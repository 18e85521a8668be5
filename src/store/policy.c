/* policy.c - THE LIST of policies, and what they share: their arrays, and how a pass counts as time
 * and as use. */
#include "store/policy.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "store/policy_row.h"

const policy_row *const policy_list[] = { &policy_learnt, &policy_aged, &policy_lfu, &policy_lru,
    NULL };

const policy_row *policy_by_name(const char *name)
{
    for (int i = 0; policy_list[i]; i++)
        if (!strcmp(policy_list[i]->name, name)) return policy_list[i];
    return NULL;
}

cadre_status policy_open(const policy_row *row, policy_shape shape, policy *out)
{
    policy p = { .row = row, .shape = shape };
    for (int i = 0; i < row->arrays; i++)
        if (!(p.array[i] = MEM_ARRAY(double, shape.first[shape.layers]))) {
            policy_close(&p);
            return CADRE_ENOMEM;
        }
    *out = p;
    return CADRE_OK;
}

void policy_close(policy *p)
{
    for (int i = 0; i < POLICY_ARRAYS; i++) mem_free(p->array[i]);
    *p = (policy){ 0 };
}

void policy_visit(policy *p, int64_t layer, const int32_t *rows, int64_t tokens)
{
    if (layer <= p->layer || !p->visits) p->time += policy_time_of(tokens);
    p->visits++;
    p->layer = layer;
    p->row->visit(p, layer, rows, tokens);
}

void policy_expect(policy *p, const double *use, double tokens)
{
    for (int32_t e = 0; e < p->shape.first[p->shape.layers]; e++)
        p->row->expect(p, e, fmin(use[e] / tokens, 1));
}

/* A pass of up to so many tokens decodes one token of each sequence, which is one step of time. A
 * pass of more tokens reads a prompt, which counts as so many steps. */
enum { DECODE_TOKENS = 16 };

double policy_time_of(int64_t tokens) { return tokens > DECODE_TOKENS ? DECODE_TOKENS : 1; }

double policy_use_of(int32_t rows, int64_t tokens)
{
    if (!rows) return 0;
    return tokens > DECODE_TOKENS ? (double)rows * DECODE_TOKENS / (double)tokens : 1;
}
