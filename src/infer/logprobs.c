/* logprobs.c - logarithms of shares, in double precision and in the order of ids. */
#include "infer/logprobs.h"

#include <math.h>

#include "base/memory.h"

cadre_status logprobs_open(int64_t room, int32_t top, logprobs *l)
{
    *l = (logprobs){ .room = room, .top = top };
    if (!room) return CADRE_OK;
    l->token = mem_reserve((size_t)room, sizeof *l->token);
    if (top) l->best = mem_reserve((size_t)(room * top), sizeof *l->best);
    if (l->token && (l->best || !top)) return CADRE_OK;
    logprobs_close(l);
    return CADRE_ENOMEM;
}

void logprobs_close(logprobs *l)
{
    if (l->token) mem_return(l->token, (size_t)l->room, sizeof *l->token);
    if (l->best) mem_return(l->best, (size_t)(l->room * l->top), sizeof *l->best);
    *l = (logprobs){ 0 };
}

/* log of the sum of exp(z) over all tokens. */
static double log_sum(const real *z, int64_t vocab)
{
    double largest = (double)z[0], sum = 0;
    for (int64_t i = 1; i < vocab; i++)
        if ((double)z[i] > largest) largest = (double)z[i];
    for (int64_t i = 0; i < vocab; i++) sum += exp((double)z[i] - largest);
    return largest + log(sum);
}

/* The most likely tokens, by insertion: a token that is not among them costs one comparison. */
static void find_best(cadre_logprob *best, int32_t top, const real *z, int64_t vocab)
{
    int32_t count = 0;
    for (int64_t i = 0; i < vocab; i++) {
        int32_t at = count;
        if (count == top && !(z[i] > z[best[top - 1].token])) continue;
        if (count == top) at--;
        else count++;
        for (; at > 0 && z[i] > z[best[at - 1].token]; at--) best[at] = best[at - 1];
        best[at].token = (int32_t)i;
    }
    for (; count < top; count++) best[count] = (cadre_logprob){ .token = -1 };
}

void logprobs_take(logprobs *l, int64_t at, const real *z, int64_t vocab, int32_t token)
{
    double sum = log_sum(z, vocab);
    l->token[at] = (float)((double)z[token] - sum);
    if (!l->top) return;
    cadre_logprob *best = l->best + at * l->top;
    find_best(best, l->top, z, vocab);
    for (int32_t i = 0; i < l->top && best[i].token >= 0; i++)
        best[i].logprob = (float)((double)z[best[i].token] - sum);
}
