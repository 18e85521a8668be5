/* hash_table.c - counting tokens, clusters of them, and the tables made of both. */
#include "train/hash_table.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "text/token_word.h"

enum { FEATURES = 64, ROUNDS = 10 };

/* One table while it is made. */
typedef struct making {
    const hash_table_source *source;
    int64_t ids, experts, picks; /* V, E, K; of multi-hash the experts of a run, and 1 */
    int64_t stride, run;         /* K, and which run of multi-hash this is; else 0 */
    int64_t *count;              /* [V] of each id in the texts */
    int32_t *order;              /* [V] ids by falling count, the lower id first */
    float *follower;             /* [V, FEATURES] what follows an id; NULL: not wanted */
    int32_t layer;
    real *table; /* [V, K] */
} making;

static void put(const making *m, int64_t id, int64_t k, int64_t expert)
{
    m->table[id * m->stride + m->run + k] = (real)(m->run * m->experts + expert);
}

static const char *const kinds[] = { "modulo", "random", "balanced", "clustered", "dispersed",
    NULL };

const char *hash_table_kind(int i) { return kinds[i]; }

static bool is_kind(const making *m, const char *kind) { return !strcmp(m->source->kind, kind); }

static bool wants_clusters(const making *m)
{
    return is_kind(m, "clustered") || is_kind(m, "dispersed");
}

/* ---- what the texts say ---- */

/* Called with the ids of all runs, in pieces; next: what follows the last of a piece, -1 at the end
 * of a run. */
typedef void (*ids_taker)(making *m, const int32_t *ids, int64_t count, int32_t next);

static cadre_status walk_run(making *m, const token_run *run, ids_taker take)
{
    enum { PIECE = 4096 };
    int32_t ids[PIECE + 1];
    for (int64_t at = 0; at < run->count; at += PIECE) {
        int64_t left = run->count - at, n = left > PIECE ? PIECE + 1 : left;
        CADRE_TRY(token_run_read(run, at, n, ids));
        for (int64_t i = 0; i < n; i++) {
            ids[i] = token_word_id(ids[i]);
            if (ids[i] >= m->ids)
                return cadre_fail(CADRE_EFORMAT, run->store ? run->store->path : NULL,
                    "expected ids of 0 to %lld, found %d", (long long)m->ids - 1, ids[i]);
        }
        bool ends = left <= PIECE;
        take(m, ids, ends ? left : PIECE, ends ? -1 : ids[PIECE]);
    }
    return CADRE_OK;
}

static cadre_status walk_runs(making *m, ids_taker take)
{
    for (int r = 0; r < m->source->runs; r++) CADRE_TRY(walk_run(m, &m->source->run[r], take));
    return CADRE_OK;
}

static void count_ids(making *m, const int32_t *ids, int64_t count, int32_t next)
{
    (void)next;
    for (int64_t i = 0; i < count; i++) m->count[ids[i]]++;
}

static cadre_status count_tokens(making *m)
{
    memset(m->count, 0, (size_t)m->ids * sizeof *m->count);
    return walk_runs(m, count_ids);
}

/* Merges two sorted halves of order[begin, end). */
static void sort_by_count(const making *m, int32_t *order, int32_t *room, int64_t n)
{
    int64_t half = n / 2, i = 0, j = half;
    if (n < 2) return;
    sort_by_count(m, order, room, half);
    sort_by_count(m, order + half, room, n - half);
    for (int64_t k = 0; k < n; k++) {
        bool first = j == n || (i < half && m->count[order[i]] >= m->count[order[j]]);
        room[k] = first ? order[i++] : order[j++];
    }
    memcpy(order, room, (size_t)n * sizeof *order);
}

static cadre_status order_tokens(making *m)
{
    int32_t *room = MEM_ARRAY(int32_t, m->ids);
    if (!room) return CADRE_ENOMEM;
    for (int64_t i = 0; i < m->ids; i++) m->order[i] = (int32_t)i;
    sort_by_count(m, m->order, room, m->ids);
    mem_free(room);
    return CADRE_OK;
}

static void add_followers(making *m, const int32_t *ids, int64_t count, int32_t next)
{
    random_key key = random_key_of(m->source->seed, "hash features", 0, 0);
    for (int64_t i = 0; i < count; i++) {
        int32_t follower = i + 1 < count ? ids[i + 1] : next;
        if (follower < 0) continue;
        uint32_t bits = random_bits(key, (uint64_t)follower);
        m->follower[ids[i] * (int64_t)FEATURES + bits % FEATURES] += bits >> 31 ? 1.0F : -1.0F;
    }
}

/* Rows of length 1: roots of how often tokens of each of FEATURES groups follow, with signs, as
 * random projections of the counts of all tokens. */
static cadre_status describe_tokens(making *m)
{
    memset(m->follower, 0, (size_t)(m->ids * FEATURES) * sizeof *m->follower);
    CADRE_TRY(walk_runs(m, add_followers));
    for (int64_t i = 0; i < m->ids; i++) {
        float *row = m->follower + i * FEATURES, sum = 0;
        for (int k = 0; k < FEATURES; k++) {
            row[k] = copysignf(sqrtf(fabsf(row[k])), row[k]);
            sum += row[k] * row[k];
        }
        for (int k = 0; k < FEATURES && sum > 0; k++) row[k] /= sqrtf(sum);
    }
    return CADRE_OK;
}

/* ---- clusters: k-means by angle, whose first centres are the most frequent tokens ---- */

static float likeness(const float *a, const float *b)
{
    float sum = 0;
    for (int k = 0; k < FEATURES; k++) sum += a[k] * b[k];
    return sum;
}

/* The `rank`-th nearest centre of a token: 0 is the nearest, of equal ones the lower. */
static int32_t nearest(const making *m, const float *centre, int64_t id, int64_t rank)
{
    const float *row = m->follower + id * FEATURES;
    int32_t best = 0;
    float last = INFINITY;
    int32_t last_at = -1;
    for (int64_t r = 0; r <= rank; r++) {
        float most = -INFINITY;
        for (int32_t e = 0; e < m->experts; e++) {
            float like = likeness(row, centre + e * FEATURES);
            bool behind = like < last || (like == last && e > last_at);
            if (behind && like > most) most = like, best = e;
        }
        last = most, last_at = best;
    }
    return best;
}

/* A centre is the sum of its tokens, of length 1; one without tokens stays. */
static void move_centres(const making *m, const int32_t *cluster, float *centre, float *sum)
{
    memset(sum, 0, (size_t)(m->experts * FEATURES) * sizeof *sum);
    for (int64_t i = 0; i < m->ids; i++)
        for (int k = 0; m->count[i] && k < FEATURES; k++)
            sum[cluster[i] * (int64_t)FEATURES + k] += m->follower[i * FEATURES + k];
    for (int64_t e = 0; e < m->experts; e++) {
        float size = sqrtf(likeness(sum + e * FEATURES, sum + e * FEATURES));
        for (int k = 0; size > 0 && k < FEATURES; k++)
            centre[e * FEATURES + k] = sum[e * FEATURES + k] / size;
    }
}

static void cluster_tokens(const making *m, int32_t *cluster, float *centre, float *sum)
{
    for (int64_t e = 0; e < m->experts; e++)
        memcpy(centre + e * FEATURES, m->follower + m->order[e % m->ids] * (int64_t)FEATURES,
            FEATURES * sizeof *centre);
    for (int round = 0; round < ROUNDS; round++) {
        for (int64_t i = 0; i < m->ids; i++) cluster[i] = nearest(m, centre, i, 0);
        move_centres(m, cluster, centre, sum);
    }
}

/* ---- tables ---- */

/* Which of all drawings this is: every layer has its own, and every run of a layer. */
static uint64_t drawing_of(const making *m) { return (uint64_t)m->layer | (uint64_t)m->run << 32; }

static void fill_random(const making *m)
{
    for (int64_t i = 0; i < m->ids; i++) {
        random_key key = random_key_of(m->source->seed, "hash table", (uint64_t)i, drawing_of(m));
        for (int64_t k = 0; k < m->picks; k++)
            put(m, i, k, (int64_t)random_permute(key, (uint64_t)m->experts, (uint64_t)k));
    }
}

static bool has_pick(const int64_t *pick, int64_t count, int64_t e)
{
    for (int64_t k = 0; k < count; k++)
        if (pick[k] == e) return true;
    return false;
}

/* The expert with the fewest tokens that is not among the picks; of equal ones the first in an
 * order that is drawn. */
static int64_t emptiest(const making *m, const int64_t *load, const int64_t *pick, int64_t picks)
{
    random_key key = random_key_of(m->source->seed, "hash order", 0, drawing_of(m));
    int64_t best = -1;
    for (int64_t n = 0; n < m->experts; n++) {
        int64_t e = (int64_t)random_permute(key, (uint64_t)m->experts, (uint64_t)n);
        if (!has_pick(pick, picks, e) && (best < 0 || load[e] < load[best])) best = e;
    }
    return best;
}

/* The i-th id that gets its experts: frequent ones first. If every run of experts took them in the
 * same order, all runs would part the ids in the same way; so behind the first run, as many
 * neighbours as a run has experts are shuffled. */
static int64_t id_in_turn(const making *m, int64_t i)
{
    if (!m->run) return m->order[i];
    int64_t block = i / m->experts, first = block * m->experts, left = m->ids - first;
    random_key key = random_key_of(m->source->seed, "hash turns", (uint64_t)block, drawing_of(m));
    uint64_t size = (uint64_t)(left < m->experts ? left : m->experts);
    return m->order[first + (int64_t)random_permute(key, size, (uint64_t)(i - first))];
}

static cadre_status fill_balanced(const making *m)
{
    int64_t *load = MEM_ARRAY(int64_t, m->experts), *pick = MEM_ARRAY(int64_t, m->picks);
    cadre_status status = load && pick ? CADRE_OK : CADRE_ENOMEM;
    if (load) memset(load, 0, (size_t)m->experts * sizeof *load);
    for (int64_t i = 0; i < m->ids && status == CADRE_OK; i++) {
        int64_t id = id_in_turn(m, i);
        for (int64_t k = 0; k < m->picks; k++) {
            pick[k] = emptiest(m, load, pick, k);
            put(m, id, k, pick[k]);
            load[pick[k]] += m->count[id] + 1; /* unseen ids are spread too */
        }
    }
    mem_free(load);
    mem_free(pick);
    return status;
}

/* dealt [E]: how many ids of each cluster have been dealt out. */
static void fill_of_clusters(
    const making *m, const int32_t *cluster, const float *centre, int64_t *dealt)
{
    bool dispersed = is_kind(m, "dispersed");
    for (int64_t i = 0; i < m->ids; i++) {
        int32_t id = m->order[i];
        int64_t first = 0;
        if (dispersed) {
            int64_t turn = dealt[cluster[id]]++;
            first = cluster[id] + router_segment_expert(turn, m->run, m->experts);
        }
        for (int64_t k = 0; k < m->picks; k++)
            put(m, id, k, dispersed ? (first + k) % m->experts : nearest(m, centre, id, k));
    }
}

static cadre_status fill_clustered(const making *m)
{
    int32_t *cluster = MEM_ARRAY(int32_t, m->ids);
    float *centre = MEM_ARRAY(float, 2 * m->experts * FEATURES);
    int64_t *dealt = MEM_ARRAY(int64_t, m->experts);
    cadre_status status = cluster && centre && dealt ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) {
        cluster_tokens(m, cluster, centre, centre + m->experts * FEATURES);
        memset(dealt, 0, (size_t)m->experts * sizeof *dealt);
        fill_of_clusters(m, cluster, centre, dealt);
    }
    mem_free(cluster);
    mem_free(centre);
    mem_free(dealt);
    return status;
}

static cadre_status fill(const making *m)
{
    if (is_kind(m, "random")) fill_random(m);
    if (is_kind(m, "balanced")) return fill_balanced(m);
    if (wants_clusters(m)) return fill_clustered(m);
    return CADRE_OK;
}

/* multi-hash has a table for each run of experts, side by side. */
static cadre_status fill_table(making *m, const param *p)
{
    bool parts = p->start.kind == START_SEGMENTS;
    m->stride = p->start.cols;
    m->picks = parts ? 1 : m->stride;
    m->experts = parts ? p->start.experts / m->stride : p->start.experts;
    int64_t runs = parts ? m->stride : 1;
    for (m->run = 0; m->run < runs; m->run++) CADRE_TRY(fill(m));
    m->run = 0;
    return CADRE_OK;
}

/* Whatever the texts say once, for tables of so many ids. */
static cadre_status read_texts(making *m, int64_t ids)
{
    bool clusters = wants_clusters(m);
    if (m->count) return CADRE_OK;
    m->ids = ids;
    m->count = MEM_ARRAY(int64_t, ids);
    m->order = MEM_ARRAY(int32_t, ids);
    if (clusters) m->follower = MEM_ARRAY(float, ids *FEATURES);
    if (!m->count || !m->order || (clusters && !m->follower)) return CADRE_ENOMEM;
    CADRE_TRY(count_tokens(m));
    if (clusters) CADRE_TRY(describe_tokens(m));
    return order_tokens(m);
}

static bool is_table(const param *p)
{
    return param_is_routers_own(p->role) &&
           (p->start.kind == START_TABLE || p->start.kind == START_SEGMENTS);
}

/* Clusters know no layer: the first table before row i with as many experts and picks is the same.
 * NULL: there is none, or every layer has a table of its own. */
static const param *same_before(const making *m, const param_table *table, int64_t i)
{
    const param *p = &table->rows[i];
    for (int64_t k = 0; wants_clusters(m) && k < i; k++) {
        const param *q = &table->rows[k];
        if (is_table(q) && q->start.kind == p->start.kind && q->cols == p->cols &&
            q->start.cols == p->start.cols && q->start.experts == p->start.experts)
            return q;
    }
    return NULL;
}

static cadre_status fill_all(making *m, const param_table *table, real *values)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        if (!is_table(p)) continue;
        const param *same = same_before(m, table, i);
        if (same) {
            memcpy(values + p->offset, values + same->offset, (size_t)p->cols * sizeof *values);
            continue;
        }
        CADRE_TRY(read_texts(m, p->cols / p->start.cols));
        m->layer = p->layer;
        m->table = values + p->offset;
        CADRE_TRY(fill_table(m, p));
    }
    return CADRE_OK;
}

cadre_status hash_tables_fill(
    const hash_table_source *source, const param_table *table, real *values)
{
    making m = { .source = source };
    cadre_status status = is_kind(&m, "modulo") ? CADRE_OK : fill_all(&m, table, values);
    mem_free(m.count);
    mem_free(m.order);
    mem_free(m.follower);
    return status;
}
