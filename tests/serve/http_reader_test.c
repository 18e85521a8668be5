/* http_reader_test.c - valid requests, whole and byte by byte, and requests that two servers could
 * read in different ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "serve/http_reader.h"

enum { LIMIT = 64 };

/* Feeds `size` bytes, at most `step` at a time, and accepts bodies; returns how many bytes were
 * read. */
static size_t feed(http_reader *r, const char *data, size_t size, size_t step)
{
    size_t at = 0;
    while (at < size && r->state != HTTP_COMPLETE && r->state != HTTP_REFUSED) {
        size_t piece = size - at < step ? size - at : step;
        size_t used = http_reader_take(r, data + at, piece);
        assert_true(used <= piece);
        at += used;
        if (r->state == HTTP_READY) http_reader_accept(r);
        else assert_true(used > 0 || r->state == HTTP_REFUSED);
    }
    return at;
}

static void same_text(string_view found, const char *wanted)
{
    assert_int_equal(found.size, strlen(wanted));
    assert_memory_equal(found.data, wanted, found.size);
}

static void takes_a_get(void **state)
{
    (void)state;
    const char text[] =
        "\r\nGET /health?x=1 HTTP/1.1\r\nHost: a\r\nX-Two:  b c\t\r\nEmpty:\r\n\r\nGET";
    for (size_t step = 1; step < sizeof text; step++) {
        http_reader r = http_reader_new(LIMIT);
        assert_int_equal(feed(&r, text, sizeof text - 1, step), sizeof text - 1 - 3);
        assert_int_equal(r.state, HTTP_COMPLETE);
        same_text(r.method, "GET");
        same_text(r.target, "/health?x=1");
        same_text(http_reader_field(&r, "x-two"), "b c");
        same_text(http_reader_field(&r, "empty"), "");
        assert_null(http_reader_field(&r, "x-three").data);
        assert_true(r.keep_alive);
        http_reader_free(&r);
    }
}

static void takes_bodies(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n"
        "06;a=\"b\"\r\n world\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb;x\r\nhello world\r\n"
        "000\r\nTrailer: x\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t step = 1; step < strlen(texts[i]); step++) {
            http_reader r = http_reader_new(LIMIT);
            assert_int_equal(feed(&r, texts[i], strlen(texts[i]), step), strlen(texts[i]));
            assert_int_equal(r.state, HTTP_COMPLETE);
            same_text((string_view){ r.body.data, r.body.size }, "hello world");
            assert_null(http_reader_field(&r, "trailer").data);
            http_reader_free(&r);
        }
}

static void reads_expect_continue(void **state)
{
    (void)state;
    const char head[] = "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
                        "Content-Length: 2\r\nConnection: x, Close\r\n\r\n";
    http_reader r = http_reader_new(LIMIT);
    assert_int_equal(http_reader_take(&r, head, sizeof head - 1), sizeof head - 1);
    assert_int_equal(r.state, HTTP_READY);
    assert_true(r.expects_continue && !r.keep_alive && http_reader_has_body(&r));
    assert_int_equal(http_reader_take(&r, "ab", 2), 0);
    http_reader_accept(&r);
    assert_int_equal(http_reader_take(&r, "ab", 2), 2);
    assert_int_equal(r.state, HTTP_COMPLETE);
    http_reader_next(&r);
    assert_int_equal(r.state, HTTP_HEAD);
    assert_false(http_reader_begun(&r));
    http_reader_free(&r);
}

typedef struct wrong {
    int status;
    const char *text;
} wrong;

#define HEAD "POST /a HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

static const wrong wrongs[] = {
    { 400, "GET /health\r\n\r\n" },
    { 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 505, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n" },
    { 400, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 400, "\x16\x03\x01\x02\x01\r\n\r\n" },
    { 400, "GET / HTTP/1.1\nHost: a\n\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n" },
    { 400, "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n" },
    { 400, "GET / http/1.1\r\nHost: a\r\n\r\n" },
    { 505, "GET / HTTP/9.9\r\nHost: a\r\n\r\n" },
    { 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\x7f\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\x1f\r\n\r\n" },
    { 400, "GET / HTTP/1.1\r\nHost: a\r\nOrigin: b\r\nOrigin: b\r\n\r\n" },
    { 400, HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { 400, HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab" },
    { 400, HEAD "Content-Length: -1\r\n\r\n" },
    { 400, HEAD "Content-Length: +2\r\n\r\nab" },
    { 400, HEAD "Content-Length: 2, 2\r\n\r\nab" },
    { 400, HEAD "Content-Length: 0x2\r\n\r\nab" },
    { 400, HEAD "Content-Length:\r\n\r\n" },
    { 400, HEAD "Content-Length: 18446744073709551617\r\n\r\n" },
    { 413, HEAD "Content-Length: 65\r\n\r\n" },
    { 413, HEAD "Content-Length: 999999999999\r\n\r\n" },
    { 400, HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n" },
    { 400, HEAD "Transfer-Encoding: xchunked\r\n\r\n" },
    { 400, HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { 415, HEAD "Content-Encoding: gzip\r\n\r\n" },
    { 417, HEAD "Expect: a miracle\r\n\r\n" },
    { 400, CHUNKED "-2\r\nab\r\n" },
    { 400, CHUNKED "0x2\r\nab\r\n" },
    { 400, CHUNKED "+2\r\nab\r\n" },
    { 400, CHUNKED " 2\r\nab\r\n" },
    { 400, CHUNKED "\r\n" },
    { 400, CHUNKED ";a\r\n" },
    { 400, CHUNKED "2\nab\r\n" },
    { 400, CHUNKED "2\r\nabc\r\n" },
    { 400, CHUNKED "2\r\nab\n" },
    { 400, CHUNKED "000000002\r\nab\r\n" },
    { 413, CHUNKED "41\r\n" },
    { 413, CHUNKED "ffffffff\r\n" },
    { 413,
        CHUNKED "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n1\r\n" },
    { 400, CHUNKED "0\r\nA: b\n\r\n" },
};

static void refuses_what_is_ambiguous(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++)
        for (size_t step = 1; step < 200; step += 199 - step ? 198 : 1) {
            http_reader r = http_reader_new(LIMIT);
            feed(&r, wrongs[i].text, strlen(wrongs[i].text), step);
            if (r.state != HTTP_REFUSED || r.status != wrongs[i].status)
                fail_msg("%s: state %d, status %d", wrongs[i].text, r.state, r.status);
            assert_true(r.sentence && !r.keep_alive);
            assert_int_equal(http_reader_take(&r, "GET", 3), 0);
            http_reader_free(&r);
        }
}

static void refuses_nul(void **state)
{
    (void)state;
    const char path[] = "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n",
               value[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    http_reader r = http_reader_new(LIMIT);
    feed(&r, path, sizeof path - 1, 1000);
    assert_int_equal(r.status, 400);
    http_reader_next(&r);
    feed(&r, value, sizeof value - 1, 1000);
    assert_int_equal(r.status, 400);
    http_reader_free(&r);
}

/* Feeds a piece again and again until the reader refuses it; returns how many bytes were read. */
static size_t feed_repeatedly(http_reader *r, const char *begin, const char *piece)
{
    size_t taken = feed(r, begin, strlen(begin), 1000);
    for (int i = 0; i < 200000 && r->state != HTTP_REFUSED; i++)
        taken += feed(r, piece, strlen(piece), 1000);
    return taken;
}

static void bounds_heads(void **state)
{
    (void)state;
    static const wrong bombs[] = { { 431, "aaaaaaaaaa" }, { 431, "X-Field: y\r\n" },
        { 431, "a: b\r\n" } };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        http_reader r = http_reader_new(LIMIT);
        size_t taken = feed_repeatedly(&r, "GET / HTTP/1.1\r\nHost: a\r\nX: ", bombs[i].text);
        assert_int_equal(r.status, bombs[i].status);
        assert_true(taken <= HTTP_HEAD_MOST + 1);
        http_reader_free(&r);
    }
    http_reader r = http_reader_new(LIMIT);
    feed_repeatedly(&r, "GET /", "aaaaaaaaaa");
    assert_int_equal(r.status, 431);
    http_reader_next(&r);
    feed_repeatedly(&r, CHUNKED "1;", "aaaaaaaaaa");
    assert_int_equal(r.status, 400);
    http_reader_next(&r);
    feed_repeatedly(&r, CHUNKED "0\r\n", "A: b\r\n");
    assert_int_equal(r.status, 431);
    http_reader_free(&r);
}

static void bounds_fields_and_paths(void **state)
{
    (void)state;
    http_reader r = http_reader_new(LIMIT);
    feed(&r, "GET / HTTP/1.1\r\nHost: a\r\n", 25, 1000);
    for (int i = 0; i < HTTP_FIELDS; i++) feed(&r, "a: b\r\n", 6, 1000);
    feed(&r, "\r\n", 2, 1000);
    assert_int_equal(r.status, 431);
    http_reader_next(&r);
    feed(&r, "GET /", 5, 1000);
    for (int i = 0; i < HTTP_TARGET_MOST; i++) feed(&r, "a", 1, 1000);
    const char rest[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
    feed(&r, rest, sizeof rest - 1, 1000);
    assert_int_equal(r.status, 414);
    http_reader_free(&r);
}

/* Damaged requests in pieces of random sizes: the reader reads at most one request, and always
 * comes to an end. */
static void survives_damage(void **state)
{
    (void)state;
    random_key key = random_key_of(1, "damage", 0, 0);
    uint64_t n = 0;
    for (int i = 0; i < 20000; i++) {
        char text[256];
        const char *from = wrongs[random_bits(key, n++) % (sizeof wrongs / sizeof *wrongs)].text;
        size_t size = strlen(from);
        memcpy(text, from, size);
        for (uint32_t d = random_bits(key, n++) % 4; d > 0; d--, n += 2)
            text[random_bits(key, n) % size] = (char)random_bits(key, n + 1);
        http_reader r = http_reader_new(LIMIT);
        feed(&r, text, size, 1 + random_bits(key, n++) % 40);
        assert_true(r.body.size <= LIMIT && r.head.size <= HTTP_HEAD_MOST);
        http_reader_free(&r);
    }
}

static void finds_words_in_lists(void **state)
{
    (void)state;
    assert_true(http_list_has((string_view){ "Upgrade ,\tCLOSE", 15 }, "close"));
    assert_false(http_list_has((string_view){ "closed,clos", 11 }, "close"));
    assert_false(http_list_has((string_view){ NULL, 0 }, "close"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_get),
        cmocka_unit_test(takes_bodies),
        cmocka_unit_test(reads_expect_continue),
        cmocka_unit_test(refuses_what_is_ambiguous),
        cmocka_unit_test(refuses_nul),
        cmocka_unit_test(bounds_heads),
        cmocka_unit_test(bounds_fields_and_paths),
        cmocka_unit_test(survives_damage),
        cmocka_unit_test(finds_words_in_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
