/* reply.c - heads and bodies put together. */
#include "serve/reply.h"

http_answer reply_head(const connection *c, int status, const char *type)
{
    http_answer a = { .status = status, .type = type };
    a.cors = c->answer.cors, a.varies = c->answer.varies;
    return a;
}

void reply_json(connection *c, json_writer *w)
{
    http_answer a = reply_head(c, 200, "application/json");
    if (json_writer_status(w) == CADRE_OK) connection_answer(c, &a, w->text.data, w->text.size);
    else connection_drop(c);
    json_writer_free(w);
}

void reply_error(connection *c, const api_error *e, const char *allow)
{
    byte_buffer json = { 0 };
    http_answer a = reply_head(c, e->status, "application/json");
    a.allow = allow;
    a.retry_after = e->status == 503 || e->status == 429;
    api_error_put(e, &json);
    connection_answer(c, &a, json.data, json.size);
    byte_buffer_free(&json);
}
