/* http_reader.c - collects the head line by line and parses it, then reads the body by its length
 * or in chunks. */
#include "serve/http_reader.h"

/* The sentences of refusals name these. */
_Static_assert(HTTP_HEAD_MOST == 65536 && HTTP_TARGET_MOST == 8192 && HTTP_FIELDS == 100, "limits");

enum { CHUNK_DIGITS = 8, EXTENSION_MOST = 256, LENGTH_DIGITS = 18, METHOD_MOST = 32 };

http_reader http_reader_new(size_t body_limit)
{
    return (http_reader){ .body_limit = body_limit,
        .head = { .limit = HTTP_HEAD_MOST },
        .trailers = { .limit = HTTP_HEAD_MOST } };
}

void http_reader_free(http_reader *r)
{
    byte_buffer_free(&r->head);
    byte_buffer_free(&r->body);
    byte_buffer_free(&r->trailers);
}

/* Frees the request's memory too, so that idle connections hold none. */
void http_reader_next(http_reader *r)
{
    size_t limit = r->body_limit;
    http_reader_free(r);
    *r = http_reader_new(limit);
}

static void refuse(http_reader *r, int status, const char *sentence)
{
    r->state = HTTP_REFUSED;
    r->status = status;
    r->sentence = sentence;
    r->keep_alive = false;
}

/* ---- characters ---- */

static char to_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_token(char c)
{
    bool letter = (to_lower(c) >= 'a' && to_lower(c) <= 'z') || is_digit(c);
    return letter || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_control(char c)
{
    unsigned char u = (unsigned char)c;
    return (u < 0x20 && c != '\t') || u == 0x7f;
}

bool http_is_word(string_view text, const char *word)
{
    size_t i = 0;
    while (i < text.size && word[i] && to_lower(text.data[i]) == word[i]) i++;
    return i == text.size && !word[i];
}

static string_view trimmed(const char *data, size_t size)
{
    while (size && (*data == ' ' || *data == '\t')) data++, size--;
    while (size && (data[size - 1] == ' ' || data[size - 1] == '\t')) size--;
    return (string_view){ data, size };
}

bool http_list_has(string_view list, const char *word)
{
    for (size_t at = 0; list.data && at <= list.size;) {
        size_t end = at;
        while (end < list.size && list.data[end] != ',') end++;
        if (http_is_word(trimmed(list.data + at, end - at), word)) return true;
        at = end + 1;
    }
    return false;
}

string_view http_reader_field(const http_reader *r, const char *name)
{
    for (int i = 0; i < r->field_count; i++)
        if (http_is_word(r->fields[i].name, name)) return r->fields[i].value;
    return (string_view){ NULL, 0 };
}

static int count_fields(const http_reader *r, const char *name)
{
    int count = 0;
    for (int i = 0; i < r->field_count; i++) count += http_is_word(r->fields[i].name, name);
    return count;
}

/* ---- the request line ---- */

static size_t token_length(string_view text)
{
    size_t length = 0;
    while (length < text.size && is_token(text.data[length])) length++;
    return length;
}

static size_t target_length(string_view text)
{
    size_t length = 0;
    while (length < text.size && text.data[length] > ' ' && text.data[length] < 0x7f) length++;
    return length;
}

static void read_version(http_reader *r, string_view version)
{
    if (string_view_is(version, "HTTP/1.1")) r->minor = 1;
    else if (string_view_is(version, "HTTP/1.0")) r->minor = 0;
    else if (version.size >= 5 && memcmp(version.data, "HTTP/", 5) == 0)
        refuse(r, 505, "the version: expected HTTP/1.1");
    else refuse(r, 400, "the request line: expected METHOD /PATH HTTP/1.1");
}

static void read_request_line(http_reader *r, string_view line)
{
    size_t method = token_length(line), target = 0;
    if (method && method < line.size && line.data[method] == ' ') {
        string_view rest = { line.data + method + 1, line.size - method - 1 };
        target = target_length(rest);
        if (target == rest.size || rest.data[target] != ' ') target = 0;
    }
    if (!target || method > METHOD_MOST) {
        refuse(r, 400, "the request line: expected METHOD /PATH HTTP/1.1");
        return;
    }
    r->method = (string_view){ line.data, method };
    r->target = (string_view){ line.data + method + 1, target };
    size_t used = method + target + 2;
    read_version(r, (string_view){ line.data + used, line.size - used });
    if (r->state == HTTP_REFUSED) return;
    if (target > HTTP_TARGET_MOST) refuse(r, 414, "the path: expected at most 8192 bytes");
    else if (r->target.data[0] != '/' && !string_view_is(r->target, "*"))
        refuse(r, 400, "the path: expected one that begins with /");
}

/* ---- header fields ---- */

static void read_field(http_reader *r, string_view line)
{
    size_t name = token_length(line);
    if (!name || name == line.size || line.data[name] != ':') {
        refuse(r, 400, "a header field: expected NAME: VALUE in one line");
        return;
    }
    if (r->field_count == HTTP_FIELDS) {
        refuse(r, 431, "header fields: expected at most 100");
        return;
    }
    r->fields[r->field_count++] =
        (http_field){ { line.data, name }, trimmed(line.data + name + 1, line.size - name - 1) };
}

/* Reads a length, which must have only digits, and not too many for 64 bits. */
static bool read_length(string_view text, uint64_t *length)
{
    *length = 0;
    if (!text.size || text.size > LENGTH_DIGITS) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.data[i])) return false;
        *length = *length * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

static void read_framing(http_reader *r)
{
    string_view coding = http_reader_field(r, "transfer-encoding");
    int lengths = count_fields(r, "content-length"), codings = count_fields(r, "transfer-encoding");
    r->has_length = lengths > 0;
    r->chunked = codings > 0;
    if (lengths + codings > 1)
        refuse(r, 400, "the body: expected one Content-Length or one Transfer-Encoding");
    else if (codings && (!r->minor || !http_is_word(coding, "chunked")))
        refuse(r, 400, "Transfer-Encoding: expected chunked");
    else if (lengths && !read_length(http_reader_field(r, "content-length"), &r->left))
        refuse(r, 400, "Content-Length: expected a number of bytes");
    else if (r->left > r->body_limit) refuse(r, 413, "the body: expected fewer bytes");
}

/* Whether a field that this server reads occurs twice, which other programs may read
 * differently. */
static bool is_ambiguous(const http_reader *r)
{
    static const char *const once[] = { "host", "authorization", "origin", "content-type",
        "content-encoding", "expect" };
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        if (count_fields(r, once[i]) > 1) return true;
    return false;
}

static void check_fields(http_reader *r)
{
    string_view expected = http_reader_field(r, "expect"),
                encoding = http_reader_field(r, "content-encoding");
    r->keep_alive = r->minor && !http_list_has(http_reader_field(r, "connection"), "close");
    r->expects_continue = http_is_word(expected, "100-continue");
    if (is_ambiguous(r)) refuse(r, 400, "a header field: expected once, found twice");
    else if (r->minor && !http_reader_field(r, "host").data)
        refuse(r, 400, "Host: expected this header field");
    else if (expected.data && !r->expects_continue) refuse(r, 417, "Expect: expected 100-continue");
    else if (encoding.data && !http_is_word(encoding, "identity"))
        refuse(r, 415, "Content-Encoding: expected a body that is not compressed");
    else read_framing(r);
}

/* ---- the head ---- */

/* Returns the line that begins at `at`, without its end, and moves `at` to the next line. */
static string_view next_line(const http_reader *r, size_t *at)
{
    const char *from = r->head.data + *at;
    size_t size = 0;
    while (from[size] != '\r') size++;
    *at += size + 2;
    return (string_view){ from, size };
}

static void read_head(http_reader *r)
{
    size_t at = 0;
    r->state = HTTP_READY;
    read_request_line(r, next_line(r, &at));
    while (r->state == HTTP_READY) {
        string_view line = next_line(r, &at);
        if (!line.size) break;
        read_field(r, line);
    }
    if (r->state == HTTP_READY) check_fields(r);
}

/* Adds one byte to a head or to trailers. Line ends are checked here, so that parsing needs no
 * checks. */
static bool append_byte(http_reader *r, byte_buffer *lines, char c)
{
    char before = lines->size ? lines->data[lines->size - 1] : 0;
    if ((before == '\r') != (c == '\n') || (is_control(c) && c != '\r' && c != '\n')) {
        refuse(r, 400, "the head: expected lines that end in CR LF, without control characters");
        return false;
    }
    if (byte_buffer_put(lines, &c, 1) == CADRE_OK) return true;
    refuse(r, 431, "the head: expected at most 65536 bytes");
    return false;
}

static bool ends_with_empty_line(const byte_buffer *lines)
{
    const char *end = lines->data + lines->size;
    return (lines->size >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0) ||
           (lines->size == 2 && memcmp(end - 2, "\r\n", 2) == 0);
}

static size_t read_head_bytes(http_reader *r, const char *data, size_t size)
{
    size_t used = 0;
    while (used < size && r->state == HTTP_HEAD) {
        if (!append_byte(r, &r->head, data[used++])) break;
        if (!ends_with_empty_line(&r->head)) continue;
        if (r->head.size == 2) r->head.size = 0; /* an empty line before a request is skipped */
        else read_head(r);
    }
    return used;
}

/* ---- a body ---- */

void http_reader_accept(http_reader *r)
{
    r->state = http_reader_has_body(r) ? HTTP_BODY : HTTP_COMPLETE;
}

static size_t read_data_bytes(http_reader *r, const char *data, size_t size)
{
    size_t used = size < r->left ? size : (size_t)r->left;
    if (byte_buffer_put(&r->body, data, used) != CADRE_OK) {
        refuse(r, 503, "the body: out of memory");
        return used;
    }
    r->left -= used;
    return used;
}

static int hex_digit(char c)
{
    if (is_digit(c)) return c - '0';
    return to_lower(c) >= 'a' && to_lower(c) <= 'f' ? to_lower(c) - 'a' + 10 : -1;
}

static void refuse_chunk(http_reader *r)
{
    refuse(r, 400, "a chunk: expected its size in hexadecimal digits, CR LF, and as many bytes");
}

static void end_size(http_reader *r, char c)
{
    if (!r->digits) refuse_chunk(r);
    else if (r->left > r->body_limit - r->body.size)
        refuse(r, 413, "the body: expected fewer bytes");
    else if (c == '\r') r->chunk = CHUNK_LINE_END;
    else if (c == ';') r->chunk = CHUNK_EXTENSION, r->digits = 0;
    else refuse_chunk(r);
}

static void read_size_byte(http_reader *r, char c)
{
    int digit = hex_digit(c);
    if (digit < 0) {
        end_size(r, c);
        return;
    }
    r->left = r->left * 16 + (uint64_t)digit;
    if (++r->digits > CHUNK_DIGITS) refuse_chunk(r);
}

static void read_extension_byte(http_reader *r, char c)
{
    if (c == '\r') r->chunk = CHUNK_LINE_END;
    else if (is_control(c) || ++r->digits > EXTENSION_MOST) refuse_chunk(r);
}

static void read_trailer_byte(http_reader *r, char c)
{
    if (append_byte(r, &r->trailers, c) && ends_with_empty_line(&r->trailers))
        r->state = HTTP_COMPLETE;
}

/* Reads one byte of a chunked body that is not chunk data. */
static void read_framing_byte(http_reader *r, char c)
{
    switch (r->chunk) {
    case CHUNK_SIZE: read_size_byte(r, c); break;
    case CHUNK_EXTENSION: read_extension_byte(r, c); break;
    case CHUNK_LINE_END:
        r->digits = 0;
        r->chunk = r->left ? CHUNK_DATA : CHUNK_TRAILER;
        if (c != '\n') refuse_chunk(r);
        break;
    case CHUNK_DATA_CR:
        r->chunk = CHUNK_DATA_LF;
        if (c != '\r') refuse_chunk(r);
        break;
    case CHUNK_DATA_LF:
        r->chunk = CHUNK_SIZE;
        if (c != '\n') refuse_chunk(r);
        break;
    case CHUNK_TRAILER: read_trailer_byte(r, c); break;
    case CHUNK_DATA: break;
    }
}

static size_t read_chunked_body(http_reader *r, const char *data, size_t size)
{
    size_t used = 0;
    while (used < size && r->state == HTTP_BODY) {
        if (r->chunk != CHUNK_DATA) {
            read_framing_byte(r, data[used++]);
            continue;
        }
        used += read_data_bytes(r, data + used, size - used);
        if (r->state == HTTP_BODY && !r->left) r->chunk = CHUNK_DATA_CR;
    }
    return used;
}

static size_t read_body(http_reader *r, const char *data, size_t size)
{
    if (r->chunked) return read_chunked_body(r, data, size);
    size_t used = read_data_bytes(r, data, size);
    if (r->state == HTTP_BODY && !r->left) r->state = HTTP_COMPLETE;
    return used;
}

size_t http_reader_take(http_reader *r, const char *data, size_t size)
{
    switch (r->state) {
    case HTTP_HEAD: return read_head_bytes(r, data, size);
    case HTTP_BODY: return read_body(r, data, size);
    case HTTP_READY:
    case HTTP_COMPLETE:
    case HTTP_REFUSED: break;
    }
    return 0;
}
