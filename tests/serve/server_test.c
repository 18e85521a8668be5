/* server_test.c - a server with a small model, and clients that send and receive bytes: the
 * responses to requests, alone and among others, and that no client delays the rest. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "cadre.h"
#include "format/json.h"
#include "support/generation.h"
#include "support/served.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

/* ---- texts ---- */

typedef struct alone {
    int64_t count;
    int32_t ids[CONTEXT];
} alone;

static bool listen_to(void *arg, int32_t id, const char *text, size_t size)
{
    alone *a = arg;
    (void)text, (void)size;
    if (id >= 0) a->ids[a->count++] = id;
    return true;
}

/* Returns the text that cadre_generate writes. */
static alone generate(int32_t first, int64_t limit, uint64_t seed, double temperature)
{
    cadre_context *context;
    cadre_model *model;
    alone a = { 0 };
    const int32_t prompt[] = { first, 9, 20 };
    const cadre_sampling sampling = {
        .size = sizeof sampling, .temperature = temperature, .seed = seed
    };
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_model_open(context, scratch_file("model"), &model));
    succeeds(continue_text(model, prompt, 3, limit, &sampling, listen_to, &a));
    cadre_model_close(model);
    cadre_context_free(context);
    return a;
}

static char *body_of(int32_t first, int64_t limit, uint64_t seed, double temperature, bool stream)
{
    return mem_printf("{\"prompt\": [%d, 9, 20], \"max_tokens\": %lld, \"seed\": %llu, "
                      "\"temperature\": %g, \"return_token_ids\": true, \"stream\": %s}",
        first, (long long)limit, (unsigned long long)seed, temperature, stream ? "true" : "false");
}

/* Reads the "token_ids" of a response, or of all lines of a stream. */
static alone ids_of(const char *body)
{
    alone a = { 0 };
    static const char mark[] = "\"token_ids\": [";
    for (const char *at = strstr(body, mark); at; at = strstr(at, mark)) {
        at += sizeof mark - 1;
        while (*at != ']' && a.count < CONTEXT) {
            char *end;
            a.ids[a.count++] = (int32_t)strtol(at, &end, 10);
            at = end + strspn(end, ", ");
        }
    }
    return a;
}

static void same(const alone *found, const alone *wanted)
{
    assert_int_equal(found->count, wanted->count);
    assert_memory_equal(found->ids, wanted->ids, (size_t)wanted->count * sizeof *wanted->ids);
}

#define LONG                                                                                       \
    "{\"prompt\": \"the\", \"max_tokens\": 90, \"temperature\": 0, \"logit_bias\": {\"0\": -100}"

/* ---- tests ---- */

static void answers_every_path(void **state)
{
    served *s = *state;
    expect(s, 200, "GET", "/health", "", "", "{\"status\": \"ok\"}");
    expect(s, 200, "GET", "/v1/models", "", "", "\"id\": \"tiny\"");
    expect(s, 200, "GET", "/v1/models/tiny", "", "", "{\"id\": \"tiny\"");
    expect(s, 200, "GET", "/v1/models/t%69n%79?x", "", "", "{\"id\": \"tiny\"");
    expect(s, 404, "GET", "/v1/models/tin", "", "", "model_not_found");
    expect(s, 404, "GET", "/v1/models/tiny%", "", "", "model_not_found");
    expect(s, 404, "GET", "/v1/models/tiny%zz", "", "", "model_not_found");
    expect(s, 404, "GET", "/v1/models/", "", "", "model_not_found");
    expect(s, 405, "DELETE", "/v1/models/tiny", "", "", "GET, HEAD");
    expect(s, 200, "GET", "/", "", "", "<!doctype html>");
    expect(s, 200, "GET", "/metrics?x", "", "", "# TYPE cadre_requests_total counter");
    expect(s, 200, "POST", "/tokenize", "", "{\"content\": \"the\"}", "{\"tokens\": [");
    expect(s, 200, "POST", "/detokenize", "", "{\"tokens\": []}", "{\"content\": \"\"}");
    answer a = get(s, "POST", "/tokenize", "", "{\"content\": \"the déjà vu\"}");
    expect(s, 200, "POST", "/detokenize", "", a.body, "the déjà vu\"}");
    free(a.body);
    expect(s, 400, "POST", "/tokenize", "", "{\"content\": 5}", "\"param\": \"content\"");
    expect(s, 404, "GET", "/nope", "", "", "");
    expect(s, 405, "GET", T, "", "", "POST");
    expect(s, 405, "DELETE", "/health", "", "", "GET, HEAD");
    expect(s, 200, "POST", C, "",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"the\"}], \"max_tokens\": 3}",
        "\"object\": \"chat.completion\"");
    expect(s, 400, "POST", T, "", "{\"prompt\": \"\"}", "at least one token");
    expect(s, 400, "POST", T, "", "{}", "\"param\": \"prompt\"");
}

static void writes_what_generate_writes(void **state)
{
    served *s = *state;
    for (int i = 0; i < 4; i++) {
        alone wanted = generate(5 + i, 30, 3, i % 2);
        for (int stream = 0; stream < 2; stream++) {
            char *body = body_of(5 + i, 30, 3, i % 2, stream);
            answer a = get(s, "POST", T, "", body);
            if (stream) keep_events(a.body);
            alone found = ids_of(strstr(a.body, "\"choices\""));
            if (found.count != wanted.count) print_message("%d %d: %s\n", i, stream, a.body);
            same(&found, &wanted);
            free(a.body);
            mem_free(body);
        }
    }
}

static void other_requests_change_no_bit(void **state)
{
    enum { CLIENTS = 10 };
    served *s = *state;
    client c[CLIENTS];
    char *before[CLIENTS];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            char *body = body_of(i % 3, 10 + 6 * i, (uint64_t)i, 1, i % 2);
            c[i] = visit(s);
            ask(&c[i], "POST", T, "", body);
            mem_free(body);
            if (round) continue; /* the second time, all are sent before any is answered */
            answer a = hear(&c[i]);
            before[i] = strdup(strstr(a.body, "\"choices\""));
            free(a.body);
        }
        for (int i = 0; i < CLIENTS && round; i++) {
            answer a = hear(&c[i]);
            alone found = ids_of(a.body), wanted = ids_of(before[i]);
            same(&found, &wanted);
            free(a.body);
            free(before[i]);
        }
        for (int i = 0; i < CLIENTS; i++) leave(&c[i]);
    }
}

static void keeps_connections_alive_and_in_order(void **state)
{
    served *s = *state;
    client c = visit(s);
    for (int i = 0; i < 3; i++) {
        ask(&c, "POST", T, "", "{\"prompt\": \"a\", \"max_tokens\": 2}");
        ask(&c, "GET", "/health", "", "");
        ask(&c, "HEAD", "/health", "", "");
        for (int k = 0; k < 2; k++) {
            answer a = hear(&c);
            assert_int_equal(a.status, 200);
            assert_non_null(strstr(a.body, k ? "status" : "choices"));
            free(a.body);
        }
        char *end = hear_until(&c, "\r\n\r\n");
        assert_non_null(end);
        forget(&c, (size_t)(end + 4 - c.text)); /* a response to HEAD has no body */
    }
    say(&c, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    answer a = hear(&c);
    assert_int_equal(a.status, 200);
    assert_false(hear_more(&c));
    free(a.body);
    leave(&c);
    c = visit(s);
    say(&c, "GET /health HTTP/1.0\r\n\r\n");
    a = hear(&c);
    assert_int_equal(a.status, 200);
    free(a.body);
    leave(&c);
}

/* Each request gets one response, and no part of a body is taken for a request. */
static void refuses_and_closes(void **state)
{
    served *s = *state;
    static const char *const texts[] = {
        "POST /nope HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n"
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{",
        "POST " T
        " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}G",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX : a\r\n\r\n",
        "GET /health HTTP/1.1\n\n",
    };
    static const int status[] = { 404, 413, 400, 400, 400 };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        client c = visit(s);
        say(&c, texts[i]);
        answer a = hear(&c);
        assert_int_equal(a.status, status[i]);
        assert_non_null(strstr(a.body, "\"error\""));
        shutdown(c.socket, SHUT_WR);
        assert_false(hear_more(&c));
        free(a.body);
        leave(&c);
    }
    client c = visit(s);
    say(&c, "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            "Content-Length: 16\r\n\r\n");
    assert_non_null(hear_until(&c, "HTTP/1.1 100 Continue\r\n\r\n"));
    say(&c, "{\"content\": \"a\"}");
    answer a = hear(&c);
    assert_int_equal(a.status, 200);
    free(a.body);
    leave(&c);
}

/* After a refusal the client's further input is discarded, so that it can read the response: up to
 * 64 MiB, beside what the two sockets buffer. */
static void stops_reading_after_a_refusal(void **state)
{
    static char noise[1 << 16];
    const int64_t limit = 1 << 26;
    int64_t sent = 0;
    client c = visit(*state);
    memset(noise, 'x', sizeof noise);
    say(&c, "nonsense\r\n\r\n");
    assert_non_null(hear_until(&c, "HTTP/1.1 400"));
    for (ssize_t own; (own = send(c.socket, noise, sizeof noise, MSG_NOSIGNAL)) > 0; sent += own)
        if (sent > 4 * limit) break;
    /* a slow machine reads less: lingering lasts 3 s */
    assert_true(sent > limit / 16 && sent < 2 * limit);
    leave(&c);
}

static void checks_host_and_origin(void **state)
{
    served *s = *state;
    static const char *const strangers[] = { "evil.example", "127.0.0.1.evil.example",
        "localhost.evil.com", "evil@127.0.0.1", "127.0.0.1:1", "[::1", "" };
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        client c = visit(s);
        char *text = mem_printf("GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", strangers[i]);
        say(&c, text);
        answer a = hear(&c);
        if (a.status != 421) fail_msg("%s: %d", strangers[i], a.status);
        mem_free(text);
        free(a.body);
        leave(&c);
    }
    expect(s, 403, "POST", T, "Origin: http://evil.example\r\n", "{}", "Origin");
    expect(s, 403, "POST", T, "Origin: null\r\n", "{}", "Origin");
    expect(s, 405, "OPTIONS", T, "Origin: http://evil.example\r\n", "", "");
    answer a = get(s, "GET", "/health", "Origin: http://evil.example\r\n", "");
    assert_null(strstr(a.head, "Access-Control"));
    free(a.body);
}

static void requires_the_key(void **state)
{
    served s;
    cadre_server_options o = served_options();
    (void)state;
    o.key = "sk-right", o.origin = "http://app.example";
    served_start(&s, o);
    expect(&s, 200, "GET", "/health", "", "", "ok");
    expect(&s, 200, "GET", "/", "", "", "html");
    static const char *const wrong[] = { "", "Authorization: Bearer \r\n",
        "Authorization: Bearer sk-righ\r\n", "Authorization: Bearer sk-right2\r\n",
        "Authorization: sk-right\r\n", "Authorization: Basic sk-right\r\n" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect(&s, 401, "GET", "/v1/models", wrong[i], "", "invalid_api_key");
        expect(&s, 401, "POST", T, wrong[i], "{}", "invalid_api_key");
        expect(&s, 401, "GET", "/metrics", wrong[i], "", "invalid_api_key");
    }
    expect(&s, 200, "GET", "/v1/models", "Authorization: bearer sk-right\r\n", "", "tiny");
    answer a = get(&s, "OPTIONS", T,
        "Origin: http://app.example\r\nAccess-Control-Request-Method: POST\r\n", "");
    assert_int_equal(a.status, 204);
    assert_non_null(strstr(a.head, "Access-Control-Allow-Origin: http://app.example\r\n"));
    assert_non_null(strstr(a.head, "Vary: Origin"));
    free(a.body);
    a = get(&s, "POST", T, "Origin: http://app.example\r\nAuthorization: Bearer sk-right\r\n", "{");
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(a.head, "Access-Control-Allow-Origin: http://app.example\r\n"));
    free(a.body);
    served_stop(&s);
}

/* A client that disconnects frees its stream or its place in the queue, whether its request is
 * streamed, not streamed, or waiting. */
static void cancels_when_clients_disconnect(void **state)
{
    served s;
    cadre_server_options o = served_options();
    (void)state;
    o.streams = 1, o.queue = 3;
    served_start(&s, o);
    for (int stream = 0; stream < 2; stream++) {
        client c[3];
        for (int i = 0; i < 3; i++) c[i] = visit(&s);
        /* many choices, so that there is time to disconnect */
        for (int i = 0; i < 3; i++)
            ask(&c[i], "POST", T, "", stream ? LONG ", \"stream\": true}" : LONG "}");
        leave(&c[1]);
        leave(&c[0]);
        answer a = hear(&c[2]);
        assert_int_equal(a.status, 200);
        free(a.body);
        leave(&c[2]);
        until(&s, RUNNING, 0);
        until(&s, WAITING, 0);
    }
    client half = visit(&s); /* a client that closes its side counts as disconnected */
    ask(&half, "POST", T, "", LONG "}");
    shutdown(half.socket, SHUT_WR);
    while (hear_more(&half)) {}
    leave(&half);
    until(&s, RUNNING, 0);
    expect(&s, 200, "POST", T, "", "{\"prompt\": \"a\", \"max_tokens\": 2}", "choices");
    served_stop(&s);
}

static void bounds_its_queue(void **state)
{
    enum { CLIENTS = 9, PLACES = 3 };
    served s;
    client c[CLIENTS];
    int answered = 0, refused = 0;
    cadre_server_options o = served_options();
    (void)state;
    o.streams = 1, o.queue = PLACES - 1;
    served_start(&s, o);
    expect(&s, 400, "POST", T, "", "{\"prompt\": [\"a\",\"a\",\"a\",\"a\"]}", "at most 3 prompts");
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = visit(&s);
        ask(&c[i], "POST", T, "", LONG "}");
    }
    for (int i = 0; i < CLIENTS; i++) {
        answer a = hear(&c[i]);
        answered += a.status == 200, refused += a.status == 429;
        if (a.status == 429) assert_non_null(strstr(a.head, "Retry-After: 1\r\n"));
        free(a.body);
        leave(&c[i]);
    }
    assert_int_equal(answered + refused, CLIENTS);
    assert_true(answered >= PLACES);
    expect(&s, 200, "POST", T, "", "{\"prompt\": \"a\", \"max_tokens\": 2}", "choices");
    served_stop(&s);
}

static void slow_clients_delay_nobody(void **state)
{
    enum { SLOW = 20 };
    served s;
    client slow[SLOW];
    cadre_server_options o = served_options();
    (void)state;
    o.timeout = 0.5;
    served_start(&s, o);
    for (int i = 0; i < SLOW; i++) {
        slow[i] = visit(&s);
        if (i % 2) say(&slow[i], "GET /hea");
        else say(&slow[i], "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{");
    }
    double begin = clock_seconds();
    expect(&s, 200, "POST", T, "", "{\"prompt\": \"a\", \"max_tokens\": 2}", "choices");
    /* sends a byte from time to time */
    for (int round = 0; clock_seconds() - begin < 1.5; round++) {
        for (int i = 0; i < SLOW; i++) say(&slow[i], i % 2 ? "l" : " ");
        usleep(100000);
    }
    for (int i = 0; i < SLOW; i++) {
        answer a = hear(&slow[i]);
        assert_int_equal(a.status, 408);
        free(a.body);
        leave(&slow[i]);
    }
    served_stop(&s);
}

static void finishes_running_requests(void **state)
{
    served s;
    (void)state;
    served_start(&s, served_options());
    client idle = visit(&s), busy = visit(&s);
    ask(&idle, "GET", "/health", "", "");
    answer a = hear(&idle);
    free(a.body);
    ask(&busy, "POST", T, "", LONG ", \"stream\": true}");
    assert_non_null(hear_until(&busy, "data: "));
    cadre_server_stop(s.server);
    assert_non_null(hear_until(&busy, "data: [DONE]\n\n"));
    ask(&idle, "POST", T, "", LONG "}");
    a = hear(&idle);
    assert_true(a.status == 0 || a.status == 503);
    free(a.body);
    leave(&idle);
    leave(&busy);
    served_finish(&s);
}

/* Nothing runs, so the loop ends at once. Connected clients are disconnected before the server is
 * freed. */
static void closes_idle_connections(void **state)
{
    served s;
    (void)state;
    served_start(&s, served_options());
    client idle = visit(&s);
    ask(&idle, "GET", "/health", "", "");
    answer a = hear(&idle);
    free(a.body);
    cadre_server_stop(s.server);
    assert_false(hear_more(&idle));
    leave(&idle);
    served_finish(&s);
}

static void survives_anything(void **state)
{
    served *s = *state;
    static const char whole[] =
        "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 62\r\n\r\n{\"prompt\": \"a\", \"max_tokens\": 2, \"temperature\": 0, "
        "\"n\": 1, \"x\":1}";
    random_key key = random_key_of(11, "anything", 0, 0);
    uint64_t n = 0;
    const char *times = getenv("CADRE_TEST_LONG");
    for (int i = 0; i < (times ? 10000 : 400); i++) {
        char text[sizeof whole];
        client c = visit(s);
        memcpy(text, whole, sizeof whole);
        for (uint32_t d = 1 + random_bits(key, n++) % 3; d > 0; d--, n += 2)
            text[random_bits(key, n) % (sizeof whole - 1)] = (char)random_bits(key, n + 1);
        say_bytes(&c, text, sizeof whole - 1);
        shutdown(c.socket, SHUT_WR); /* the server may wait for more input */
        while (hear_more(&c)) {}
        leave(&c);
    }
    until(s, RUNNING, 0);
    expect(s, 200, "GET", "/health", "", "", "ok");
}

static void sends_the_feed(void **state)
{
    served *s = *state;
    client c = visit(s);
    ask(&c, "GET", "/events", "", "");
    assert_non_null(hear_until(&c, "event: snapshot\ndata: {"));
    assert_non_null(hear_until(&c, "event: delta\ndata: {"));
    assert_non_null(hear_until(&c, "\"load\": [["));
    forget(&c, c.size);
    /* the next snapshot, some seconds later */
    assert_non_null(hear_until(&c, "event: snapshot\ndata: {"));
    leave(&c);
}

static void the_feed_follows_a_request(void **state)
{
    static const char body[] = "{\"prompt\": \"ab\", \"max_tokens\": 90, \"stream\": true, "
                               "\"logit_bias\": {\"0\": -100}}";
    served *s = *state;
    client writer = visit(s), viewer = visit(s);
    char path[96] = "/events?request=";
    ask(&writer, "POST", "/v1/completions", "", body);
    assert_non_null(hear_until(&writer, "\"object\""));
    const char *id = strstr(writer.text, "\"id\": \"") + 7;
    strncat(path, id, strcspn(id, "\""));
    ask(&viewer, "GET", path, "", "");
    assert_non_null(hear_until(&viewer, "\"request\": {\"id\": \"cmpl-"));
    leave(&viewer);
    leave(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_every_path),
        cmocka_unit_test(writes_what_generate_writes),
        cmocka_unit_test(other_requests_change_no_bit),
        cmocka_unit_test(keeps_connections_alive_and_in_order),
        cmocka_unit_test(refuses_and_closes),
        cmocka_unit_test(stops_reading_after_a_refusal),
        cmocka_unit_test(checks_host_and_origin),
        cmocka_unit_test(requires_the_key),
        cmocka_unit_test(cancels_when_clients_disconnect),
        cmocka_unit_test(bounds_its_queue),
        cmocka_unit_test(slow_clients_delay_nobody),
        cmocka_unit_test(finishes_running_requests),
        cmocka_unit_test(closes_idle_connections),
        cmocka_unit_test(survives_anything),
        cmocka_unit_test(sends_the_feed),
        cmocka_unit_test(the_feed_follows_a_request),
    };
    return cmocka_run_group_tests(tests, served_begin, served_end);
}
