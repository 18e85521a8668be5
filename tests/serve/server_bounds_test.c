/* server_bounds_test.c - how many connections, viewers and bytes of bodies there are at most, what
 * is refused beyond, and that a second request to stop ends at once. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cadre.h"
#include "support/served.h"

#define LONG                                                                                       \
    "{\"prompt\": \"the\", \"max_tokens\": 90, \"temperature\": 0, \"logit_bias\": {\"0\": -100}"

/* A server that was opened where a process may have so few descriptors. */
static void start_with_few_files(served *s, rlim_t files)
{
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = files;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    served_start(s, served_options());
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* A new connection takes the place of the one that has been idle for longest. If none is idle, it
 * is refused with 503, and that one may come again once a place is free. */
static void bounds_connections(void **state)
{
    enum { PLACES = 12 };
    served s;
    client c[PLACES];
    (void)state;
    start_with_few_files(&s, 64 + PLACES);
    for (int i = 0; i < PLACES; i++) c[i] = visit(&s);
    client next = visit(&s);
    ask(&next, "GET", "/health", "", "");
    answer a = hear(&next);
    assert_int_equal(a.status, 200);
    free(a.body);
    assert_false(hear_more(&c[0])); /* the oldest had to go */
    leave(&c[0]);
    c[0] = next;
    for (int i = 0; i < PLACES; i++) say(&c[i], "GET /hea"); /* no more idle */
    usleep(200000);
    next = visit(&s);
    a = hear(&next);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.head, "Retry-After: "));
    assert_non_null(strstr(a.body, "too many connections"));
    free(a.body);
    leave(&next);
    for (int i = 0; i < PLACES; i++) leave(&c[i]);
    for (double end = clock_seconds() + PATIENCE; clock_seconds() < end; usleep(10000)) {
        a = get(&s, "GET", "/health", "", "");
        free(a.body);
        if (a.status == 200) break;
    }
    assert_int_equal(a.status, 200);
    assert_true(metric(&s, "cadre_connections_refused_total") >= 1);
    served_stop(&s);
}

static void bounds_viewers(void **state)
{
    enum { VIEWERS = 64 };
    served s;
    client c[VIEWERS];
    (void)state;
    served_start(&s, served_options());
    for (int i = 0; i < VIEWERS; i++) {
        c[i] = visit(&s);
        ask(&c[i], "GET", "/events", "", "");
        assert_non_null(hear_until(&c[i], "event: snapshot"));
    }
    expect(&s, 503, "GET", "/events", "", "", "too many viewers");
    expect(&s, 200, "POST", T, "", "{\"prompt\": \"a\", \"max_tokens\": 2}", "choices");
    for (int i = 0; i < VIEWERS; i++) leave(&c[i]);
    served_stop(&s);
}

/* Bodies that are announced count as if they had come, chunked ones as large as they may be. */
static void bounds_bodies(void **state)
{
    enum { LARGE = 3 };
    served s;
    client c[LARGE];
    cadre_server_options o = served_options();
    (void)state;
    o.body_limit = 100 << 20; /* two of these fit in 256 MiB */
    served_start(&s, o);
    for (int i = 0; i < LARGE; i++) {
        c[i] = visit(&s);
        say(&c[i], i ? "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n"
                       "\r\n{"
                     : "POST " T " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                       "\r\n1\r\n{\r\n");
        usleep(100000);
    }
    answer a = hear(&c[LARGE - 1]);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.body, "too many request bodies"));
    free(a.body);
    expect(&s, 200, "GET", "/health", "", "", "ok");
    for (int i = 0; i < LARGE; i++) leave(&c[i]);
    served_stop(&s);
    o.body_limit = 20;
    served_start(&s, o);
    expect(&s, 200, "POST", "/tokenize", "", "{\"content\": \"12345\"}", "tokens");
    expect(&s, 413, "POST", "/tokenize", "", "{\"content\": \"123456\"}", "at most 20 bytes");
    served_stop(&s);
}

/* A request has more small values than a file of a stranger may have. */
static void reads_dense_requests(void **state)
{
    static const char begin[] = "{\"prompt\":\"a\",\"max_tokens\":1,\"response_format\":{\"type\":"
                                "\"json_schema\",\"json_schema\":{\"schema\":{\"anyOf\":[";
    byte_buffer body = { 0 };
    char schema[64];
    served s;
    (void)state;
    served_start(&s, served_options());
    byte_buffer_put(&body, begin, sizeof begin - 1);
    for (int i = 0; i < 300; i++) {
        int size = snprintf(schema, sizeof schema, "%s{\"const\":%d}", i ? "," : "", i);
        byte_buffer_put(&body, schema, (size_t)size);
    }
    byte_buffer_put(&body, "]}}}}", 5);
    expect(&s, 200, "POST", T, "", body.data, "choices");
    byte_buffer_free(&body);
    served_stop(&s);
}

/* The first request to stop waits for the text, the second does not. */
static void a_second_stop_ends_at_once(void **state)
{
    served s;
    cadre_server_options o = served_options();
    (void)state;
    o.streams = 1;
    served_start(&s, o);
    client busy[6];
    for (int i = 0; i < 6; i++) {
        busy[i] = visit(&s);
        ask(&busy[i], "POST", T, "", LONG ", \"stream\": true}");
    }
    assert_non_null(hear_until(&busy[0], "data: "));
    cadre_server_stop(s.server);
    cadre_server_stop(s.server);
    served_finish(&s);
    int whole = 0;
    for (int i = 0; i < 6; i++) {
        whole += hear_until(&busy[i], "data: [DONE]\n\n") != NULL;
        leave(&busy[i]);
    }
    assert_true(whole <= 1); /* none, unless this machine wrote the first faster than this */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_connections),
        cmocka_unit_test(bounds_viewers),
        cmocka_unit_test(bounds_bodies),
        cmocka_unit_test(reads_dense_requests),
        cmocka_unit_test(a_second_stop_ends_at_once),
    };
    return cmocka_run_group_tests(tests, served_model_begin, served_model_end);
}
