/* spread.c - places copies of experts, the heaviest first, each on the least loaded rank that has
 * room. */
#include "moe/spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cadre/ranks.h"
#include "base/memory.h"
#include "base/share.h"

static const char *const words[SPREAD_KINDS] = {
    [SPREAD_EVEN] = "even",
    [SPREAD_BALANCED] = "balanced",
    [SPREAD_REPLICATED] = "replicated",
};

const char *cadre_placement_name(int i) { return i < SPREAD_KINDS ? words[i] : NULL; }

bool spread_kind_by_word(const char *word, spread_kind *kind)
{
    for (int i = 0; i < SPREAD_KINDS; i++)
        if (!strcmp(word, words[i])) {
            *kind = (spread_kind)i;
            return true;
        }
    return false;
}

typedef struct copy {
    int expert, index;
    double load;
} copy;

void spread_free(expert_spread *s)
{
    mem_free(s->first);
    mem_free(s->rank);
    *s = (expert_spread){ 0 };
}

bool spread_has(const expert_spread *s, int64_t expert, int rank)
{
    for (int c = s->first[expert]; c < s->first[expert + 1]; c++)
        if (s->rank[c] == rank) return true;
    return false;
}

/* How many copies each expert has: a further one always for the expert whose copies have most. */
static void count_copies(const int64_t *load, int experts, int replicas, int *copies)
{
    for (int e = 0; e < experts; e++) copies[e] = 1;
    for (int i = 0; i < replicas; i++) {
        int most = 0;
        for (int e = 1; e < experts; e++)
            if ((double)load[e] / copies[e] > (double)load[most] / copies[most]) most = e;
        copies[most]++;
    }
}

static int heavier(const void *left, const void *right)
{
    const copy *a = left, *b = right;
    if (a->load != b->load) return a->load > b->load ? -1 : 1;
    return a->index - b->index;
}

/* What ranks have while copies are placed; the copies of an expert come one after another. */
typedef struct held {
    double load;
    int copies, last; /* last: the expert of the last one; -1: none */
} held;

/* The least loaded rank with room, one that has no copy of the expert if there is such a one */
static int choose_rank(const held *rank, int ranks, int expert, int room)
{
    int best = -1;
    for (int pass = 0; pass < 2 && best < 0; pass++)
        for (int r = 0; r < ranks; r++)
            if (rank[r].copies < room && (pass || rank[r].last != expert) &&
                (best < 0 || rank[r].load < rank[best].load))
                best = r;
    return best;
}

static void place(expert_spread *s, copy *copies, held *rank)
{
    int count = s->first[s->experts], room = (count + s->ranks - 1) / s->ranks;
    for (int r = 0; r < s->ranks; r++) rank[r].last = -1;
    qsort(copies, (size_t)count, sizeof *copies, heavier);
    for (int i = 0; i < count; i++) {
        int chosen = choose_rank(rank, s->ranks, copies[i].expert, room);
        s->rank[copies[i].index] = chosen;
        rank[chosen].load += copies[i].load;
        rank[chosen].copies++;
        rank[chosen].last = copies[i].expert;
    }
}

static cadre_status place_by_load(expert_spread *s, const int64_t *load)
{
    int count = s->first[s->experts];
    copy *copies = MEM_ARRAY(copy, count);
    held *ranks = MEM_ARRAY(held, s->ranks);
    bool whole = copies && ranks;
    for (int e = 0; e < s->experts && whole; e++)
        for (int i = s->first[e]; i < s->first[e + 1]; i++)
            copies[i] = (copy){ e, i, (double)load[e] / (s->first[e + 1] - s->first[e]) };
    if (whole) place(s, copies, ranks);
    mem_free(copies);
    mem_free(ranks);
    return whole ? CADRE_OK : CADRE_ENOMEM;
}

cadre_status spread_make(
    spread_kind kind, int experts, int ranks, int replicas, const int64_t *load, expert_spread *s)
{
    expert_spread made = { experts, ranks, MEM_ARRAY(int, experts + 1), NULL };
    int *copies = MEM_ARRAY(int, experts);
    cadre_status status = made.first && copies ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) {
        count_copies(load, experts, kind == SPREAD_REPLICATED ? replicas : 0, copies);
        for (int e = 0; e < experts; e++) made.first[e + 1] = made.first[e] + copies[e];
        if (!(made.rank = MEM_ARRAY(int, made.first[experts]))) status = CADRE_ENOMEM;
    }
    mem_free(copies);
    if (status == CADRE_OK && kind == SPREAD_EVEN)
        for (int e = 0; e < experts; e++) made.rank[e] = share_owner(experts, e, ranks);
    else if (status == CADRE_OK) status = place_by_load(&made, load);
    if (status == CADRE_OK) *s = made;
    else spread_free(&made);
    return status;
}
