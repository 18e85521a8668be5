/* session.c - a cache, and what a sequence may consist of. */
#include "infer/session.h"

cadre_status session_open(const cadre_model *model, int64_t capacity, session *s)
{
    *s = (session){ 0 };
    CADRE_TRY(session_check_model(model));
    return kv_cache_open(&s->cache, &model->config, capacity);
}

void session_close(session *s)
{
    kv_cache_close(&s->cache);
    *s = (session){ 0 };
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
