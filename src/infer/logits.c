/* logits.c - every position's logits and routing, as a file. */
#include "base/memory.h"
#include "infer/routes.h"
#include "infer/session.h"

static cadre_status put_reals(safetensors_writer *w, const real *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        float value = (float)values[i];
        CADRE_TRY(safetensors_writer_put(w, &value, sizeof value));
    }
    return CADRE_OK;
}

static cadre_status declare(safetensors_writer *w, const route_log *r, int64_t vocab)
{
    const int64_t all[] = { r->layers, r->room, r->picks };
    CADRE_TRY(safetensors_writer_declare(w, "tokens", "I32", 1, &r->room));
    CADRE_TRY(safetensors_writer_declare(w, "logits", "F32", 2, (const int64_t[]){ r->room, vocab }));
    if (!r->layers) return CADRE_OK;
    CADRE_TRY(safetensors_writer_declare(w, "routes", "I32", 3, all));
    return safetensors_writer_declare(w, "weights", "F32", 3, all);
}

static cadre_status stream(session *s, route_log *r, safetensors_writer *w, const int32_t *tokens, real *row)
{
    int64_t vocab = s->model->config.vocab, cells = r->layers * r->room * r->picks;
    CADRE_TRY(declare(w, r, vocab));
    CADRE_TRY(safetensors_writer_put(w, tokens, (size_t)r->room * sizeof *tokens));
    while (r->offset < r->room) {
        int64_t left = r->room - r->offset, count = left < SESSION_CHUNK ? left : SESSION_CHUNK;
        session_feed(s, tokens + r->offset, count);
        for (int64_t i = 0; i < count; i++) {
            session_logits(s, i, 1, row);
            CADRE_TRY(put_reals(w, row, vocab));
        }
        r->offset += count;
    }
    if (!r->layers) return CADRE_OK;
    CADRE_TRY(safetensors_writer_put(w, r->experts, (size_t)cells * sizeof *r->experts));
    return safetensors_writer_put(w, r->weights, (size_t)cells * sizeof *r->weights);
}

static cadre_status write_logits(session *s, route_log *r, const int32_t *tokens, const char *out)
{
    real *row = MEM_ARRAY(real, s->model->config.vocab);
    safetensors_writer *w = NULL;
    cadre_status status = row ? safetensors_writer_open(out, false, &w) : CADRE_ENOMEM;
    if (status == CADRE_OK) {
        status = stream(s, r, w, tokens, row);
        if (status == CADRE_OK) status = safetensors_writer_commit(w);
        else safetensors_writer_discard(w);
    }
    mem_free(row);
    return status;
}

cadre_status cadre_logits(cadre_model *model, const int32_t *tokens, int64_t count, const char *out)
{
    if (count < 1) return cadre_fail(CADRE_EARGUMENT, NULL, "tokens: expected at least one, found none");
    CADRE_TRY(session_check_tokens(model, tokens, count));
    route_log routes;
    session s;
    CADRE_TRY(route_log_open(&routes, &model->config, count));
    cadre_status status = session_open(model, count, &s);
    if (status == CADRE_OK) {
        s.watch = route_log_watch;
        s.watch_arg = &routes;
        status = write_logits(&s, &routes, tokens, out);
        session_close(&s);
    }
    route_log_close(&routes);
    return status;
}
