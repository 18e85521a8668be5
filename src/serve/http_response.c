/* http_response.c - status lines, header fields and chunks. */
#define _GNU_SOURCE
#include "serve/http_response.h"

#include <time.h>

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = { { 200, "OK" }, { 204, "No Content" }, { 400, "Bad Request" },
        { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
        { 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 413, "Content Too Large" },
        { 414, "URI Too Long" }, { 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
        { 421, "Misdirected Request" }, { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
        { 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status) return rows[i].reason;
    return "";
}

/* Writes the Date field. Names of days and months are English in every locale. */
static void put_date(byte_buffer *out)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm t;
    if (!gmtime_r(&now, &t)) return;
    byte_buffer_format(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n", days + t.tm_wday * 3,
        t.tm_mday, months + t.tm_mon * 3, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void put_cors(const http_response *a, byte_buffer *out)
{
    if (a->varies) byte_buffer_text(out, "Vary: Origin\r\n");
    if (!a->cors) return;
    byte_buffer_format(out, "Access-Control-Allow-Origin: %s\r\n", a->cors);
    if (!a->preflight) return;
    byte_buffer_text(out, "Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n"
                          "Access-Control-Allow-Headers: Authorization, Content-Type\r\n"
                          "Access-Control-Max-Age: 600\r\n");
}

static void put_length(const http_response *a, size_t size, byte_buffer *out)
{
    if (a->stream && a->chunked) byte_buffer_text(out, "Transfer-Encoding: chunked\r\n");
    if (!a->stream && a->status != 204) byte_buffer_format(out, "Content-Length: %zu\r\n", size);
}

void http_response_head(const http_response *a, size_t size, byte_buffer *out)
{
    byte_buffer_format(out, "HTTP/1.1 %d %s\r\n", a->status, reason_of(a->status));
    put_date(out);
    if (a->type) byte_buffer_format(out, "Content-Type: %s\r\n", a->type);
    put_length(a, size, out);
    byte_buffer_text(out, "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n");
    if (a->policy) byte_buffer_format(out, "Content-Security-Policy: %s\r\n", a->policy);
    if (a->allow) byte_buffer_format(out, "Allow: %s\r\n", a->allow);
    if (a->retry_after) byte_buffer_format(out, "Retry-After: %d\r\n", a->retry_after);
    if (a->status == 401) byte_buffer_text(out, "WWW-Authenticate: Bearer\r\n");
    put_cors(a, out);
    if (a->close) byte_buffer_text(out, "Connection: close\r\n");
    byte_buffer_text(out, "\r\n");
}

void http_response_chunk(const http_response *a, const char *data, size_t size, byte_buffer *out)
{
    if (!size) return;
    if (a->chunked) byte_buffer_format(out, "%zx\r\n", size);
    byte_buffer_put(out, data, size);
    if (a->chunked) byte_buffer_put(out, "\r\n", 2);
}

void http_response_end(const http_response *a, byte_buffer *out)
{
    if (a->chunked) byte_buffer_text(out, "0\r\n\r\n");
}
