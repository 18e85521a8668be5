/* rank_log.h - what several ranks did in a training run: the sums of ranks.jsonl over its steps. */
#ifndef CADRE_REPORT_RANK_LOG_H
#define CADRE_REPORT_RANK_LOG_H

#include <stdint.h>

#include "base/layout.h"
#include "base/status.h"

typedef struct rank_work {
    double rows_sent, rows_received, bytes_sent, bytes_received;
    double step_seconds, call_seconds; /* of its steps; of these, in calls to other ranks */
} rank_work;

/* It covers the steps that as many ranks took as the last one. */
typedef struct rank_log {
    int ranks;        /* 0: one process, or no file */
    int expert_ranks; /* among which the experts of every layer are divided */
    int64_t steps;
    double exchange_seconds; /* in each step, those of the rank that was in calls for the least */
    rank_work *work;         /* [ranks] */
    char layout[LAYOUT_TEXT];
} rank_log;

/* A missing or empty file gives a log without ranks. */
cadre_status rank_log_read(const char *path, rank_log *log);
void rank_log_free(rank_log *log);

/* What a rank did with its time, in shares: it computed, it waited for slower ranks, it exchanged
 * messages. No rank can be faster than the exchange itself, so what it took longer is waiting. */
typedef struct rank_shares {
    double computing, waiting, exchanging;
} rank_shares;
rank_shares rank_shares_of(const rank_log *log, int rank);

#endif
