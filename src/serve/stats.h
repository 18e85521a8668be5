/* stats.h - what an operator looks at, in the text format of Prometheus.
 *
 * The loop's thread alone counts and renders: a scrape waits for no pass. No label is a client's:
 * paths are those of the list, statuses those that are given. Experts are summed up layer by layer;
 * single ones are in the page's feed. */
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
    int64_t below[STATS_BUCKETS]; /* observations up to each bound and above the one before */
    int64_t observations;
    double sum;
} histogram;

/* Copies of a histogram, taken every five seconds of the last minute */
enum { STATS_KEPT = 12 };
typedef struct histogram_minute {
    histogram kept[STATS_KEPT];
    int at; /* of the oldest copy */
    double next;
} histogram_minute;

typedef struct stats {
    /* By row of the list of paths, the last one for all others, and by status */
    int64_t requests[STATS_PATHS + 1][STATS_STATUSES];
    int64_t prompt_tokens, cached_tokens, generated_tokens, cancelled;
    int64_t connections_refused;
    histogram first_token, inter_token, queue, request;
} stats;

/* What is as it is now, and is counted elsewhere. */
typedef struct stats_now {
    int64_t running, waiting, connections;
    double cache_used; /* a share of its blocks */
    int64_t cache_blocks, cache_kept, evicted;
    int64_t snapshots, kept_snapshots;
    int64_t passes;
    int64_t layers;          /* sparse ones, S */
    const double *max_ratio; /* [S] rows of the busiest expert over the mean, pass by pass */
    const int64_t *dead;     /* [S] experts that took nothing of late */
    const int64_t *layer;    /* [S] which of the model's layers */
    double uptime;
    cadre_store store; /* of a model that is larger than its memory; .slots 0: of none */
    int ranks;         /* that run the model together; 0: one process */
    comm_tally rank[STATS_RANKS];
} stats_now;

void stats_open(stats *m);
void stats_observe(histogram *h, double seconds);
/* Takes a copy, if it is time; and what was observed in about the last minute. */
void stats_keep(histogram_minute *m, const histogram *h, double now);
histogram stats_of_minute(const histogram_minute *m, const histogram *h);
void stats_count_request(stats *m, int path, int status);

int64_t stats_refused(const stats *m); /* requests that were answered with an error */

/* The q-th part of what was observed, by linear interpolation in its bucket; 0: nothing was. */
double stats_quantile(const histogram *h, double q);

/* paths [STATS_PATHS + 1]: names of the rows; NULL: there is no such row. */
void stats_put(const stats *m, const stats_now *now, const char *const *paths, byte_buffer *out);

#endif
