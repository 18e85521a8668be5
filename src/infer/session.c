/* session.c - feeding one sequence. */
#include "infer/session.h"

cadre_status session_open(cadre_model *model, int64_t capacity, session *s)
{
    int64_t chunk = capacity < SESSION_CHUNK ? capacity : SESSION_CHUNK;
    transformer_extent most = { .tokens = chunk, .sequences = 1, .keys = capacity };
    *s = (session){ .model = model };
    CADRE_TRY(session_check_model(model));
    cadre_status status = kv_cache_open(&s->cache, &model->config, capacity);
    if (status == CADRE_OK) status = transformer_new(model->context->compute, &model->config, model->moe, most, &s->transformer);
    if (status != CADRE_OK) session_close(s);
    return status;
}

void session_close(session *s)
{
    transformer_free(s->transformer);
    kv_cache_close(&s->cache);
    *s = (session){ 0 };
}

void session_feed(session *s, const int32_t *tokens, int64_t count)
{
    kv_cache *cache = &s->cache;
    transformer_batch b = {
        .inputs = tokens, .tokens = count, .sequences = 1, .start = (int64_t[]) { 0, count }, .caches = &cache
    };
    transformer_forward(s->transformer, &s->model->weights, &b, s->watch, s->watch_arg);
}

void session_logits(session *s, int64_t first, int64_t rows, real *logits)
{
    transformer_logits(s->transformer, &s->model->weights, first, rows, logits);
}

cadre_status session_check_model(const cadre_model *model)
{
    if (!model->encoder) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, model->path, "expected a model that continues texts, found one with an encoder");
}

cadre_status session_check_tokens(const cadre_model *model, const int32_t *tokens, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (tokens[i] < 0 || tokens[i] >= model->config.vocab)
            return cadre_fail(CADRE_EARGUMENT, NULL, "token %lld: expected an id of 0 to %lld, found %d", (long long)i,
                              (long long)(model->config.vocab - 1), tokens[i]);
    return CADRE_OK;
}
