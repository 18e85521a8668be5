/* decode_record.c - the picks of each step, and the store's figures beside the best possible. */
#include "bench/decode_record.h"

#include "base/memory.h"
#include "store/best_possible.h"

static const double SWEEP_SECONDS = 0.8; /* of each of two */

cadre_status decode_record_open(
    decode_record *r, const cadre_model *model, const char *path, int64_t steps, int64_t streams)
{
    *r = (decode_record){ .model = model, .steps = steps, .streams = streams };
    CADRE_TRY(route_log_open(&r->log, &model->config, streams));
    r->first = MEM_ARRAY(int32_t, r->log.layers + 1);
    r->picks = MEM_ARRAY(int32_t, steps * streams * r->log.layers * r->log.picks);
    if (!r->first || !r->picks) return CADRE_ENOMEM;
    for (int64_t l = 0, s = 0; l < model->config.layers; l++)
        if (model->config.layer[l].sparse) {
            r->first[s + 1] = r->first[s] + model->config.layer[l].moe.experts;
            s++;
        }
    return path ? route_file_open(path, model, NULL, &r->file) : CADRE_OK;
}

cadre_status decode_record_begin(decode_record *r)
{
    expert_store *experts = r->model->store.experts;
    if (!experts) return CADRE_OK;
    CADRE_TRY(expert_store_disk(experts, SWEEP_SECONDS, &r->disk));
    r->before = expert_store_stats(experts);
    return CADRE_OK;
}

cadre_status decode_record_step(decode_record *r, const int32_t *tokens)
{
    const route_log *g = &r->log;
    if (r->done++ >= r->steps) return CADRE_OK;
    for (int64_t t = 0; t < r->streams; t++) {
        for (int64_t s = 0; s < g->layers; s++) {
            const int32_t *ids = g->experts + (s * g->room + t) * g->picks;
            for (int64_t k = 0; k < g->picks && ids[k] >= 0; k++)
                r->picks[r->count++] = r->first[s] + ids[k];
        }
        if (r->file) CADRE_TRY(route_file_put(r->file, g, t, tokens[t], "", 0, false));
    }
    return CADRE_OK;
}

static cadre_status put_store(decode_record *r, json_writer *w)
{
    const model_store *store = &r->model->store;
    store_stats now = expert_store_stats(store->experts);
    double tokens = (double)(r->steps * r->streams), picks = (double)(now.picks - r->before.picks),
           bytes = (double)(now.read_bytes - r->before.read_bytes),
           busy = now.busy - r->before.busy, disk = 0;
    int64_t hits = 0;
    CADRE_TRY(best_possible_hits(r->picks, r->count, r->first[r->log.layers], now.slots, &hits));
    CADRE_TRY(expert_store_disk(store->experts, SWEEP_SECONDS, &r->disk));
    disk = disk_bandwidth(&r->disk);
    json_put_int(w, "slots", now.slots);
    json_put_int(w, "experts", store->size.experts);
    json_put_real(w, "hit_rate", picks > 0 ? (double)(now.hits - r->before.hits) / picks : 1);
    json_put_real(w, "belady_hit_rate", r->count ? (double)hits / (double)r->count : 1);
    json_put_real(w, "read_bytes_per_token", bytes / tokens);
    json_put_real(w, "waited_fraction", (now.waited - r->before.waited) / r->seconds);
    json_put_real(w, "disk_bandwidth", disk);
    json_put_real(w, "disk_fraction", busy > 0 && disk > 0 ? bytes / busy / disk : 1);
    json_put_int(w, "read_ahead", now.ahead - r->before.ahead);
    json_put_int(w, "read_ahead_right", now.right - r->before.right);
    json_put_string(w, "policy", now.policy);
    json_put_string(w, "reads", now.engine);
    return CADRE_OK;
}

cadre_status decode_record_end(decode_record *r, json_writer *w)
{
    route_file *file = r->file;
    r->file = NULL;
    if (file) CADRE_TRY(route_file_commit(file));
    return r->model->store.experts ? put_store(r, w) : CADRE_OK;
}

void decode_record_close(decode_record *r)
{
    route_file_discard(r->file);
    route_log_close(&r->log);
    mem_free(r->first);
    mem_free(r->picks);
    *r = (decode_record){ 0 };
}
