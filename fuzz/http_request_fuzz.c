/* http_request_fuzz.c - any bytes as what a client sends: refused, or requests one after another;
 * and the same whether they come whole or byte by byte. */
#include "fuzz.h"

#include <string.h>

#include "serve/http_reader.h"

enum { LIMIT = 1000 };

/* What was read, in a few numbers. */
typedef struct outcome {
    size_t used, body;
    int requests, fields, status;
    http_state state;
} outcome;

static void look_at(http_reader *r, outcome *o)
{
    o->requests++;
    o->body += r->body.size * 3 + r->target.size;
    o->fields += r->field_count;
    fuzz_require(r->body.size <= LIMIT && r->head.size <= HTTP_HEAD_MOST);
    fuzz_require(r->method.size > 0 && r->target.size > 0);
    for (int i = 0; i < r->field_count; i++)
        fuzz_require(!memchr(r->fields[i].value.data, '\n', r->fields[i].value.size));
    fuzz_require(http_reader_field(r, "host").data || !r->minor);
}

static outcome read_all(const uint8_t *data, size_t size, size_t step)
{
    http_reader r = http_reader_new(LIMIT);
    outcome o = { 0 };
    while (o.used < size && r.state != HTTP_REFUSED) {
        size_t piece = size - o.used < step ? size - o.used : step;
        size_t used = http_reader_take(&r, (const char *)data + o.used, piece);
        fuzz_require(used <= piece);
        o.used += used;
        if (r.state == HTTP_READY) http_reader_accept(&r);
        if (r.state == HTTP_COMPLETE) {
            look_at(&r, &o);
            http_reader_next(&r);
        }
    }
    o.state = r.state, o.status = r.status;
    fuzz_require(r.state != HTTP_REFUSED || (r.status >= 400 && r.sentence));
    http_reader_free(&r);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    outcome whole = read_all(data, size, size + 1), bytes = read_all(data, size, 1);
    fuzz_require(whole.used == bytes.used && whole.body == bytes.body);
    fuzz_require(whole.requests == bytes.requests && whole.fields == bytes.fields);
    fuzz_require(whole.state == bytes.state && whole.status == bytes.status);
    return 0;
}
