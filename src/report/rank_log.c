/* rank_log.c - reads ranks.jsonl, which a training run of several ranks leaves in its folder. */
#include "report/rank_log.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/json_lines.h"

enum { MOST_RANKS = 4096 };
static const double MOST_SUM = 1e18;

void rank_log_free(rank_log *log)
{
    mem_free(log->work);
    *log = (rank_log){ 0 };
}

/* Begins again where the number of ranks changes. */
static cadre_status be_of(rank_log *log, int ranks)
{
    if (log->ranks == ranks) return CADRE_OK;
    rank_log_free(log);
    if (!(log->work = MEM_ARRAY(rank_work, ranks))) return CADRE_ENOMEM;
    log->ranks = ranks;
    return CADRE_OK;
}

/* Adds the list of that key to a number of all ranks, which lies `at` so many bytes in; its least
 * goes to *least. */
static cadre_status add_list(
    const json_node *line, const char *key, rank_log *log, size_t at, double *least)
{
    json_node list;
    CADRE_TRY(json_get_array(line, key, &list));
    if (json_count(&list) != (size_t)log->ranks) return json_refuse(&list, "a number of each rank");
    *least = INFINITY;
    for (int r = 0; r < log->ranks; r++) {
        json_node item = json_item(&list, (size_t)r);
        double value;
        CADRE_TRY(json_as_real(&item, 0, MOST_SUM, &value));
        *(double *)((char *)&log->work[r] + at) += value;
        *least = fmin(*least, value);
    }
    return CADRE_OK;
}

static cadre_status read_numbers(const json_node *line, rank_log *log)
{
    static const struct {
        const char *key;
        size_t at;
    } lists[] = { { "rows_sent", offsetof(rank_work, rows_sent) },
        { "rows_received", offsetof(rank_work, rows_received) },
        { "bytes_sent", offsetof(rank_work, bytes_sent) },
        { "bytes_received", offsetof(rank_work, bytes_received) },
        { "step_seconds", offsetof(rank_work, step_seconds) },
        { "call_seconds", offsetof(rank_work, call_seconds) } };
    double least = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        CADRE_TRY(add_list(line, lists[i].key, log, lists[i].at, &least));
    log->exchange_seconds += least; /* of the last list */
    log->steps++;
    return CADRE_OK;
}

static cadre_status read_line(const json_document *document, rank_log *log)
{
    json_node line = json_root(document), list;
    const char *layout = "";
    int64_t parts = 1;
    CADRE_TRY(json_as_object(&line));
    CADRE_TRY(json_get_array(&line, "step_seconds", &list));
    size_t ranks = json_count(&list);
    if (!ranks || ranks > MOST_RANKS) return json_refuse(&list, "1 to %d ranks", MOST_RANKS);
    CADRE_TRY(be_of(log, (int)ranks));
    CADRE_TRY(json_opt_int(&line, "expert_ranks", 1, (int64_t)ranks, &parts));
    CADRE_TRY(json_opt_string(&line, "parallel", &layout));
    log->expert_ranks = (int)parts;
    snprintf(log->layout, sizeof log->layout, "%s", layout);
    return read_numbers(&line, log);
}

cadre_status rank_log_read(const char *path, rank_log *log)
{
    json_lines lines;
    *log = (rank_log){ 0 };
    if (!file_exists(path)) return CADRE_OK;
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = CADRE_OK;
    while (status == CADRE_OK) {
        json_document *document;
        status = lines_next(&lines, &document);
        if (status != CADRE_OK || !document) break;
        status = read_line(document, log);
        json_close(document);
    }
    lines_close(&lines);
    if (status != CADRE_OK) rank_log_free(log);
    return status;
}

rank_shares rank_shares_of(const rank_log *log, int rank)
{
    const rank_work *w = &log->work[rank];
    double all = fmax(w->step_seconds, w->call_seconds);
    if (!(all > 0)) return (rank_shares){ .computing = 1 };
    double exchanging = fmin(log->exchange_seconds, w->call_seconds);
    return (rank_shares){ .computing = (all - w->call_seconds) / all,
        .waiting = (w->call_seconds - exchanging) / all,
        .exchanging = exchanging / all };
}
