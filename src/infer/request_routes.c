/* request_routes.c - taking a request's tokens out of the log of a pass. */
#include "infer/request_routes.h"

#include "base/memory.h"

static cadre_status open_all(request_routes *r, bool experts, bool rows)
{
    if (experts) {
        r->experts = mem_reserve((size_t)(r->room * r->layers * r->picks), sizeof *r->experts);
        if (!r->experts) return CADRE_ENOMEM;
    }
    if (!rows) return CADRE_OK;
    r->rows = MEM_ARRAY(_Atomic int32_t, r->layers * r->width);
    return r->rows ? CADRE_OK : CADRE_ENOMEM;
}

cadre_status request_routes_open(
    const model_config *config, bool experts, bool rows, int64_t room, request_routes *out)
{
    request_routes r = { .layers = model_config_sparse_layers(config),
        .picks = route_log_picks(config),
        .width = route_log_experts(config),
        .room = room };
    bool none = config->encoder || !r.layers;
    *out = (request_routes){ 0 };
    if (none && experts)
        return cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "routes: expected a model with sparse layers and without an encoder");
    if (none || !(experts || rows)) return CADRE_OK;
    cadre_status status = open_all(&r, experts, rows);
    if (status == CADRE_OK) *out = r;
    else request_routes_close(&r);
    return status;
}

void request_routes_close(request_routes *r)
{
    if (r->experts)
        mem_return(r->experts, (size_t)(r->room * r->layers * r->picks), sizeof *r->experts);
    mem_free(r->rows);
    *r = (request_routes){ 0 };
}

static bool comes_before(const int32_t *experts, const float *weights, int64_t j, int64_t k)
{
    bool is = experts[j] >= 0, is_other = experts[k] >= 0;
    if (!is || !is_other) return is != is_other ? is : j < k;
    return weights[j] > weights[k] || (weights[j] == weights[k] && j < k);
}

/* A token's picks in one layer, which the log has by id: here the heaviest comes first, and of
 * equals the one with the smaller id. */
static void keep_picks(const int32_t *experts, const float *weights, int64_t picks, int16_t *to)
{
    for (int64_t k = 0; k < picks; k++) {
        int64_t before = 0;
        for (int64_t j = 0; j < picks; j++)
            before += j != k && comes_before(experts, weights, j, k);
        to[before] = (int16_t)experts[k];
    }
}

static void count_picks(request_routes *r, int64_t s, const int32_t *experts)
{
    for (int64_t k = 0; k < r->picks && experts[k] >= 0; k++)
        atomic_fetch_add_explicit(&r->rows[s * r->width + experts[k]], 1, memory_order_relaxed);
}

cadre_status request_routes_watch(
    void *routes, const route_log *log, int64_t t, int32_t token, bool prompt)
{
    request_routes *r = routes;
    (void)token, (void)prompt;
    for (int64_t s = 0; s < r->layers; s++) {
        int64_t at = (s * log->room + t) * log->picks;
        const int32_t *experts = log->experts + at;
        if (r->rows) count_picks(r, s, experts);
        if (!r->experts) continue;
        keep_picks(experts, log->weights + at, r->picks,
            r->experts + (r->count * r->layers + s) * r->picks);
    }
    if (r->experts) r->count++;
    return CADRE_OK;
}

void request_routes_add_rows(const request_routes *r, int64_t *rows)
{
    for (int64_t i = 0; r->rows && i < r->layers * r->width; i++)
        rows[i] += atomic_load_explicit(&r->rows[i], memory_order_relaxed);
}
