/* best_possible.c - Belady's rule with a heap of the experts that are held: on top is the one whose
 * next pick is the furthest away. */
#include "store/best_possible.h"

#include "base/memory.h"

typedef struct held {
    int64_t next; /* the index of its next pick; count: it has none */
    int32_t expert;
} held;

typedef struct cache {
    int64_t *next;   /* [count] the next pick of the same expert */
    int64_t *wanted; /* [experts] the next pick of an expert that is held; -1: it is not held */
    held *heap;      /* [count] an outdated entry stays until it comes to the top */
    int64_t entries, held;
} cache;

static void push(cache *c, held h)
{
    int64_t i = c->entries++;
    for (; i && c->heap[(i - 1) / 2].next < h.next; i = (i - 1) / 2)
        c->heap[i] = c->heap[(i - 1) / 2];
    c->heap[i] = h;
}

static void pop(cache *c)
{
    held last = c->heap[--c->entries];
    int64_t i = 0, child;
    for (; (child = 2 * i + 1) < c->entries; i = child) {
        if (child + 1 < c->entries && c->heap[child + 1].next > c->heap[child].next) child++;
        if (c->heap[child].next <= last.next) break;
        c->heap[i] = c->heap[child];
    }
    c->heap[i] = last;
}

/* Evicts an expert that is picked later than `next`; false: all that are held are picked
 * earlier. */
static bool evict(cache *c, int64_t next)
{
    while (c->wanted[c->heap[0].expert] != c->heap[0].next) pop(c);
    if (c->heap[0].next <= next) return false;
    c->wanted[c->heap[0].expert] = -1;
    c->held--;
    pop(c);
    return true;
}

static void find_next(cache *c, const int32_t *picks, int64_t count, int32_t experts)
{
    for (int32_t e = 0; e < experts; e++) c->wanted[e] = count;
    for (int64_t i = count; i-- > 0;) {
        c->next[i] = c->wanted[picks[i]];
        c->wanted[picks[i]] = i;
    }
    for (int32_t e = 0; e < experts; e++) c->wanted[e] = -1;
}

cadre_status best_possible_hits(
    const int32_t *picks, int64_t count, int32_t experts, int32_t slots, int64_t *hits)
{
    cache c = { .next = MEM_ARRAY(int64_t, count),
        .wanted = MEM_ARRAY(int64_t, experts),
        .heap = MEM_ARRAY(held, count) };
    cadre_status status = c.next && c.wanted && c.heap ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) find_next(&c, picks, count, experts);
    int64_t found = 0;
    for (int64_t i = 0; status == CADRE_OK && i < count; i++) {
        int32_t e = picks[i];
        bool is_held = c.wanted[e] >= 0;
        found += is_held;
        if (!is_held && c.held >= slots && !evict(&c, c.next[i])) continue;
        c.held += !is_held;
        c.wanted[e] = c.next[i];
        push(&c, (held){ c.next[i], e });
    }
    mem_free(c.next);
    mem_free(c.wanted);
    mem_free(c.heap);
    if (status == CADRE_OK) *hits = found;
    return status;
}
