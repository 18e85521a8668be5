/* ranks_log.c - writes ranks.jsonl, one JSON object for each step of several ranks: what each rank
 * sent and received, how long its step took, and how much of that it spent in calls of the
 * communicator. This is a file of its own because metrics.jsonl is the same for any number of
 * ranks. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/json_writer.h"
#include "train/run.h"

/* What one rank reports of a step */
typedef struct ranks_step {
    double seconds;
    comm_tally tally;
} ranks_step;

cadre_status ranks_log_open(train_run *r)
{
    if (!r->out || train_world(r)->size == 1) return CADRE_OK;
    char *path = file_join(r->out, "ranks.jsonl");
    if (!path) return CADRE_ENOMEM;
    r->ranks = fopen(path, r->resumed ? "ae" : "we");
    cadre_status status =
        r->ranks ? CADRE_OK : cadre_fail_errno(CADRE_EIO, path, "could not be opened for writing");
    mem_free(path);
    return status;
}

static void put_counts(json_writer *w, const char *key, const ranks_step *all, int ranks, size_t at)
{
    json_put_array(w, key);
    for (int i = 0; i < ranks; i++)
        json_put_int(w, NULL, *(const int64_t *)((const char *)&all[i] + at));
    json_put_close(w, ']');
}

static void put_seconds(
    json_writer *w, const char *key, const ranks_step *all, int ranks, size_t at)
{
    json_put_array(w, key);
    for (int i = 0; i < ranks; i++)
        json_put_real(w, NULL, *(const double *)((const char *)&all[i] + at));
    json_put_close(w, ']');
}

static cadre_status put_line(const train_run *r, const ranks_step *all)
{
    int ranks = train_world(r)->size;
    char layout[LAYOUT_TEXT];
    const rank_layout *l = &r->context->layout;
    layout_text(l, layout);
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_int(&w, "step", r->state.step);
    json_put_string(&w, "parallel", layout);
    json_put_int(&w, "expert_ranks", l->expert * l->data);
    put_counts(&w, "rows_sent", all, ranks, offsetof(ranks_step, tally.rows_sent));
    put_counts(&w, "rows_received", all, ranks, offsetof(ranks_step, tally.rows_received));
    put_counts(&w, "bytes_sent", all, ranks, offsetof(ranks_step, tally.bytes_sent));
    put_counts(&w, "bytes_received", all, ranks, offsetof(ranks_step, tally.bytes_received));
    put_seconds(&w, "step_seconds", all, ranks, offsetof(ranks_step, seconds));
    put_seconds(&w, "call_seconds", all, ranks, offsetof(ranks_step, tally.seconds));
    json_put_close(&w, '}');
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK && (fwrite(w.text.data, 1, w.text.size, r->ranks) != w.text.size ||
                                  putc('\n', r->ranks) == EOF || fflush(r->ranks)))
        status = cadre_fail_errno(CADRE_EIO, "ranks.jsonl", "could not be written");
    json_writer_free(&w);
    return status;
}

cadre_status ranks_log_put(const train_run *r, double seconds, const comm_tally *before)
{
    comm *world = train_world(r);
    if (world->size == 1) return CADRE_OK;
    ranks_step own = { seconds, comm_tally_since(world, before) };
    ranks_step *all = MEM_ARRAY(ranks_step, world->size);
    if (!all) {
        comm_fail(world, CADRE_ENOMEM);
        return CADRE_ENOMEM;
    }
    comm_all_gather(world, &own, sizeof own, all);
    cadre_status status = comm_status(world);
    if (status == CADRE_OK && r->ranks) status = put_line(r, all);
    mem_free(all);
    return status;
}

cadre_status ranks_log_close(train_run *r)
{
    int failed = r->ranks ? fclose(r->ranks) : 0;
    r->ranks = NULL;
    return failed ? cadre_fail_errno(CADRE_EIO, "ranks.jsonl", "could not be written") : CADRE_OK;
}
