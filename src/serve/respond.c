/* respond.c - puts the heads and bodies of responses together. */
#include "serve/respond.h"

http_response response_head(const connection *c, int status, const char *type)
{
    http_response a = { .status = status, .type = type };
    a.cors = c->response.cors, a.varies = c->response.varies;
    return a;
}

void respond_json(connection *c, json_writer *w)
{
    http_response a = response_head(c, 200, "application/json");
    if (json_writer_status(w) == CADRE_OK) connection_respond(c, &a, w->text.data, w->text.size);
    else connection_drop(c);
    json_writer_free(w);
}

void respond_error(connection *c, const api_error *e, const char *allow)
{
    byte_buffer json = { 0 };
    http_response a = response_head(c, e->status, "application/json");
    a.allow = allow;
    a.retry_after = e->status == 503 || e->status == 429;
    api_error_put(e, &json);
    connection_respond(c, &a, json.data, json.size);
    byte_buffer_free(&json);
}
