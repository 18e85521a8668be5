/* api_error.c - makes errors, and writes them as JSON. */
#include "serve/api_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "format/json_writer.h"

static const char *type_of(int status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    case 500: return "server_error";
    case 503: return "service_unavailable";
    default: return "invalid_request_error";
    }
}

api_error api_error_new(int status, const char *code, const char *param, const char *format, ...)
{
    api_error e = { .status = status, .type = type_of(status), .code = code };
    va_list args;
    va_start(args, format);
    vsnprintf(e.message, sizeof e.message, format, args);
    va_end(args);
    snprintf(e.param, sizeof e.param, "%s", param ? param : "");
    e.message[utf8_valid_prefix(e.message, strlen(e.message))] = 0;
    e.param[utf8_valid_prefix(e.param, strlen(e.param))] = 0;
    return e;
}

static int status_of(cadre_status status)
{
    switch (status) {
    case CADRE_ENOMEM:
    case CADRE_EINTERRUPTED: return 503;
    case CADRE_EFULL: return 429;
    case CADRE_EARGUMENT:
    case CADRE_EFORMAT:
    case CADRE_EUNSUPPORTED: return 400;
    default: return 500;
    }
}

/* In "request: stream_options.include_usage: expected ...", the field stands between the colons. */
api_error api_error_of_last(cadre_status status)
{
    static const char begin[] = API_DOCUMENT ": ";
    const char *sentence = cadre_last_error(), *field = "", *end;
    char param[72] = "";
    if (strncmp(sentence, begin, sizeof begin - 1) == 0) {
        field = sentence + sizeof begin - 1;
        end = strstr(field, ": ");
        size_t length = end ? (size_t)(end - field) : 0;
        if (length < sizeof param && !memchr(field, ' ', length)) memcpy(param, field, length);
    }
    return api_error_new(status_of(status), NULL, param, "%s", sentence);
}

void api_error_put(const api_error *e, byte_buffer *json)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_object(&w, "error");
    json_put_string(&w, "message", e->message);
    json_put_string(&w, "type", e->type);
    if (e->param[0]) json_put_string(&w, "param", e->param);
    else json_put_null(&w, "param");
    if (e->code) json_put_string(&w, "code", e->code);
    else json_put_null(&w, "code");
    json_put_close(&w, '}');
    json_put_close(&w, '}');
    if (json_writer_status(&w) == CADRE_OK) byte_buffer_put(json, w.text.data, w.text.size);
    json_writer_free(&w);
}
