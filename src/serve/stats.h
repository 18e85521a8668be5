/* stats.h - the server's metrics in the text format of Prometheus.
 *
 * Only the loop's thread counts and writes them, so a scrape does not wait for a pass. No label's
 * value comes from a client: paths are those of THE LIST, and statuses those that the server sends.
 * Loads are summed up for each layer; the loads of single experts are in the live page's feed. */
#ifndef CADRE_SERVE_STATS_H
#define CADRE_SERVE_STATS_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/comm.h"
#include "cadre/store.h"

enum { STATS_BUCKETS = 16, STATS_PATHS = 12, STATS_STATUSES = 20, STATS_RANKS = 64 };

typedef struct histogram {
    const double *bounds; /* [count] static, ascending */
    int count;
    int64_t bucket[STATS_BUCKETS]; /* observations above the bound before and up to this one */
    int64_t observations;
    double sum;
} histogram;

/* Copies of a histogram, taken every five seconds during the last minute. */
enum { STATS_KEPT = 12 };
typedef struct histogram_minute {
    histogram kept[STATS_KEPT];
    int at; /* index of the oldest copy */
    double next;
} histogram_minute;

typedef struct stats {
    /* By index in THE LIST of paths (the last row: all others) and by status */
    int64_t requests[STATS_PATHS + 1][STATS_STATUSES];
    int64_t prompt_tokens, cached_tokens, generated_tokens, cancelled;
    int64_t connections_refused;
    histogram first_token, inter_token, queue, request;
} stats;

/* Values of this moment, and counters that are kept elsewhere. */
typedef struct stats_now {
    int64_t running, waiting, connections;
    double cache_used; /* fraction of the cache's blocks */
    int64_t cache_blocks, cache_kept, evicted;
    int64_t snapshots, kept_snapshots;
    int64_t passes;
    int64_t layers;          /* sparse layers, S */
    const double *max_ratio; /* [S] rows of the busiest expert of each pass / mean rows */
    const int64_t *dead;     /* [S] experts without a token in the last minute */
    const int64_t *layer;    /* [S] the layer's number in the model */
    double uptime;
    cadre_store store; /* the expert store; .slots 0: the model has none */
    int ranks;         /* ranks that run the model together; 0: one process */
    comm_tally rank[STATS_RANKS];
    bool places_experts; /* the server places experts anew */
    int64_t placements;  /* how many times it has done so */
    /* Rows of the busiest rank / mean: with the current placement, and with the one before */
    double rank_load, rank_load_before;
} stats_now;

void stats_open(stats *m);
void stats_observe(histogram *h, double seconds);
/* Takes a copy if one is due; and returns the observations of about the last minute. */
void stats_keep(histogram_minute *m, const histogram *h, double now);
histogram stats_of_minute(const histogram_minute *m, const histogram *h);
void stats_count_request(stats *m, int path, int status);

int64_t stats_refused(const stats *m); /* the number of error responses */

/* The q-quantile of the observations, by linear interpolation in its bucket; 0: there are none. */
double stats_quantile(const histogram *h, double q);

/* Writes all metrics. paths: [STATS_PATHS + 1] names; NULL: there is no such path. */
void stats_put(const stats *m, const stats_now *now, const char *const *paths, byte_buffer *out);

#endif
