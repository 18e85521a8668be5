/* hash_table.c - counts the tokens of the texts, clusters them, and makes tables of both. */
#include "train/hash_table.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "text/token_word.h"

enum { FEATURES = 64, ROUNDS = 10 };

/* What the tables are made of, and the one that is being made */
typedef struct table_builder {
    const hash_table_source *source;
    const char *kind;            /* of the table that is being made */
    int64_t ids, experts, picks; /* V, E, K; for multi-hash the experts of a segment, and 1 */
    int64_t stride, segment;     /* K; the segment of multi-hash, else 0 */
    int64_t *count;              /* [V] how often each id occurs in the texts */
    int32_t *order;              /* [V] ids in order of falling count, the lower id first */
    float *follower;             /* [V, FEATURES] which tokens follow an id; NULL: not needed */
    int32_t layer;
    real *table; /* [V, K] */
} table_builder;

static void put(const table_builder *m, int64_t id, int64_t k, int64_t expert)
{
    m->table[id * m->stride + m->segment + k] = (real)(m->segment * m->experts + expert);
}

static const char *const kinds[] = { "modulo", "random", "balanced", "clustered", "dispersed",
    NULL };

const char *hash_table_kind(int i) { return kinds[i]; }

static const char *kind_of_layer(const hash_table_source *source, int32_t layer)
{
    return source->kind[source->kinds > 1 ? layer : 0];
}

static bool is_kind(const table_builder *m, const char *kind) { return !strcmp(m->kind, kind); }

static bool is_of_clusters(const char *kind)
{
    return !strcmp(kind, "clustered") || !strcmp(kind, "dispersed");
}

/* ---- statistics of the texts ---- */

/* Called with the ids of all runs, piece by piece; next: the id that follows the piece; -1: none */
typedef void (*ids_taker)(table_builder *m, const int32_t *ids, int64_t count, int32_t next);

static cadre_status walk_run(table_builder *m, const token_run *run, ids_taker take)
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

static cadre_status walk_runs(table_builder *m, ids_taker take)
{
    for (int r = 0; r < m->source->runs; r++) CADRE_TRY(walk_run(m, &m->source->run[r], take));
    return CADRE_OK;
}

static void count_ids(table_builder *m, const int32_t *ids, int64_t count, int32_t next)
{
    (void)next;
    for (int64_t i = 0; i < count; i++) m->count[ids[i]]++;
}

static cadre_status count_tokens(table_builder *m)
{
    memset(m->count, 0, (size_t)m->ids * sizeof *m->count);
    return walk_runs(m, count_ids);
}

/* Merge sort */
static void sort_by_count(const table_builder *m, int32_t *order, int32_t *scratch, int64_t n)
{
    int64_t half = n / 2, i = 0, j = half;
    if (n < 2) return;
    sort_by_count(m, order, scratch, half);
    sort_by_count(m, order + half, scratch, n - half);
    for (int64_t k = 0; k < n; k++) {
        bool first = j == n || (i < half && m->count[order[i]] >= m->count[order[j]]);
        scratch[k] = first ? order[i++] : order[j++];
    }
    memcpy(order, scratch, (size_t)n * sizeof *order);
}

static cadre_status order_tokens(table_builder *m)
{
    int32_t *scratch = MEM_ARRAY(int32_t, m->ids);
    if (!scratch) return CADRE_ENOMEM;
    for (int64_t i = 0; i < m->ids; i++) m->order[i] = (int32_t)i;
    sort_by_count(m, m->order, scratch, m->ids);
    mem_free(scratch);
    return CADRE_OK;
}

static void add_followers(table_builder *m, const int32_t *ids, int64_t count, int32_t next)
{
    random_key key = random_key_of(m->source->seed, "hash features", 0, 0);
    for (int64_t i = 0; i < count; i++) {
        int32_t follower = i + 1 < count ? ids[i + 1] : next;
        if (follower < 0) continue;
        uint32_t bits = random_bits(key, (uint64_t)follower);
        m->follower[ids[i] * (int64_t)FEATURES + bits % FEATURES] += bits >> 31 ? 1.0F : -1.0F;
    }
}

/* Computes the rows of m->follower: a random projection of how often each token follows, to
 * FEATURES sums with random signs, of which square roots are taken; each row then has length 1. */
static cadre_status describe_tokens(table_builder *m)
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

/* ---- clusters: k-means by cosine similarity, which begins with the most frequent tokens ---- */

static float dot(const float *a, const float *b)
{
    float sum = 0;
    for (int k = 0; k < FEATURES; k++) sum += a[k] * b[k];
    return sum;
}

/* The centre that is the `rank`-th nearest to a token, counted from 0; the lower of equal ones */
static int32_t nearest(const table_builder *m, const float *centre, int64_t id, int64_t rank)
{
    const float *row = m->follower + id * FEATURES;
    int32_t best = 0;
    float last = INFINITY;
    int32_t last_at = -1;
    for (int64_t r = 0; r <= rank; r++) {
        float most = -INFINITY;
        for (int32_t e = 0; e < m->experts; e++) {
            float like = dot(row, centre + e * FEATURES);
            bool behind = like < last || (like == last && e > last_at);
            if (behind && like > most) most = like, best = e;
        }
        last = most, last_at = best;
    }
    return best;
}

/* Moves every centre to the mean direction of its cluster's tokens; one without tokens stays. */
static void move_centres(const table_builder *m, const int32_t *cluster, float *centre, float *sum)
{
    memset(sum, 0, (size_t)(m->experts * FEATURES) * sizeof *sum);
    for (int64_t i = 0; i < m->ids; i++)
        for (int k = 0; m->count[i] && k < FEATURES; k++)
            sum[cluster[i] * (int64_t)FEATURES + k] += m->follower[i * FEATURES + k];
    for (int64_t e = 0; e < m->experts; e++) {
        float size = sqrtf(dot(sum + e * FEATURES, sum + e * FEATURES));
        for (int k = 0; size > 0 && k < FEATURES; k++)
            centre[e * FEATURES + k] = sum[e * FEATURES + k] / size;
    }
}

static void cluster_tokens(const table_builder *m, int32_t *cluster, float *centre, float *sum)
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

/* The stream of random numbers for this table: every layer and every segment has its own. */
static uint64_t stream_of(const table_builder *m)
{
    return (uint64_t)m->layer | (uint64_t)m->segment << 32;
}

static void fill_random(const table_builder *m)
{
    for (int64_t i = 0; i < m->ids; i++) {
        random_key key = random_key_of(m->source->seed, "hash table", (uint64_t)i, stream_of(m));
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

/* The expert with the fewest tokens that is not among the picks; the first of equal ones in a
 * random order */
static int64_t least_loaded(
    const table_builder *m, const int64_t *load, const int64_t *pick, int64_t picks)
{
    random_key key = random_key_of(m->source->seed, "hash order", 0, stream_of(m));
    int64_t best = -1;
    for (int64_t n = 0; n < m->experts; n++) {
        int64_t e = (int64_t)random_permute(key, (uint64_t)m->experts, (uint64_t)n);
        if (!has_pick(pick, picks, e) && (best < 0 || load[e] < load[best])) best = e;
    }
    return best;
}

/* The i-th id that gets its experts; frequent ids come first. If every segment took them in the
 * same order, all segments would divide the ids in the same way. So in all but the first, ids that
 * are neighbours in this order are shuffled, as many as a segment has experts. */
static int64_t id_at(const table_builder *m, int64_t i)
{
    if (!m->segment) return m->order[i];
    int64_t block = i / m->experts, first = block * m->experts, left = m->ids - first;
    random_key key = random_key_of(m->source->seed, "hash turns", (uint64_t)block, stream_of(m));
    uint64_t size = (uint64_t)(left < m->experts ? left : m->experts);
    return m->order[first + (int64_t)random_permute(key, size, (uint64_t)(i - first))];
}

static cadre_status fill_balanced(const table_builder *m)
{
    int64_t *load = MEM_ARRAY(int64_t, m->experts), *pick = MEM_ARRAY(int64_t, m->picks);
    cadre_status status = load && pick ? CADRE_OK : CADRE_ENOMEM;
    if (load) memset(load, 0, (size_t)m->experts * sizeof *load);
    for (int64_t i = 0; i < m->ids && status == CADRE_OK; i++) {
        int64_t id = id_at(m, i);
        for (int64_t k = 0; k < m->picks; k++) {
            pick[k] = least_loaded(m, load, pick, k);
            put(m, id, k, pick[k]);
            load[pick[k]] += m->count[id] + 1; /* + 1 spreads the ids that do not occur, too */
        }
    }
    mem_free(load);
    mem_free(pick);
    return status;
}

/* assigned [E]: how many ids of each cluster have got their experts so far */
static void fill_of_clusters(
    const table_builder *m, const int32_t *cluster, const float *centre, int64_t *assigned)
{
    bool dispersed = is_kind(m, "dispersed");
    for (int64_t i = 0; i < m->ids; i++) {
        int32_t id = m->order[i];
        int64_t first = 0;
        if (dispersed) {
            int64_t turn = assigned[cluster[id]]++;
            first = cluster[id] + router_segment_expert(turn, m->segment, m->experts);
        }
        for (int64_t k = 0; k < m->picks; k++)
            put(m, id, k, dispersed ? (first + k) % m->experts : nearest(m, centre, id, k));
    }
}

static cadre_status fill_clustered(const table_builder *m)
{
    int32_t *cluster = MEM_ARRAY(int32_t, m->ids);
    float *centre = MEM_ARRAY(float, 2 * m->experts * FEATURES);
    int64_t *assigned = MEM_ARRAY(int64_t, m->experts);
    cadre_status status = cluster && centre && assigned ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) {
        cluster_tokens(m, cluster, centre, centre + m->experts * FEATURES);
        memset(assigned, 0, (size_t)m->experts * sizeof *assigned);
        fill_of_clusters(m, cluster, centre, assigned);
    }
    mem_free(cluster);
    mem_free(centre);
    mem_free(assigned);
    return status;
}

static cadre_status fill(const table_builder *m)
{
    if (is_kind(m, "random")) fill_random(m);
    if (is_kind(m, "balanced")) return fill_balanced(m);
    if (is_of_clusters(m->kind)) return fill_clustered(m);
    return CADRE_OK;
}

/* Fills the table of a layer: for multi-hash, those of all segments side by side. */
static cadre_status fill_table(table_builder *m, const param *p)
{
    bool segmented = p->start.kind == START_SEGMENTS;
    m->stride = p->start.cols;
    m->picks = segmented ? 1 : m->stride;
    m->experts = segmented ? p->start.experts / m->stride : p->start.experts;
    int64_t segments = segmented ? m->stride : 1;
    for (m->segment = 0; m->segment < segments; m->segment++) CADRE_TRY(fill(m));
    m->segment = 0;
    return CADRE_OK;
}

/* Computes the statistics of the texts, once, for tables of so many ids. */
static cadre_status read_texts(table_builder *m, int64_t ids)
{
    bool clusters = false;
    if (m->count) return CADRE_OK;
    for (int i = 0; i < m->source->kinds; i++) clusters |= is_of_clusters(m->source->kind[i]);
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

/* The first table before row i that has the same content: clusters do not depend on the layer, only
 * on the number of experts and picks. NULL: there is none, or every layer's table differs */
static const param *same_before(const table_builder *m, const param_table *table, int64_t i)
{
    const param *p = &table->rows[i];
    for (int64_t k = 0; is_of_clusters(m->kind) && k < i; k++) {
        const param *q = &table->rows[k];
        if (is_table(q) && is_kind(m, kind_of_layer(m->source, q->layer)) &&
            q->start.kind == p->start.kind && q->cols == p->cols &&
            q->start.cols == p->start.cols && q->start.experts == p->start.experts)
            return q;
    }
    return NULL;
}

static cadre_status fill_all(table_builder *m, const param_table *table, real *values)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        if (!is_table(p)) continue;
        m->kind = kind_of_layer(m->source, p->layer);
        if (is_kind(m, "modulo")) continue;
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
    table_builder m = { .source = source };
    cadre_status status = fill_all(&m, table, values);
    mem_free(m.count);
    mem_free(m.order);
    mem_free(m.follower);
    return status;
}
