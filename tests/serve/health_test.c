/* health_test.c - what /health and the other paths answer while the model is being opened, while
 * requests run, when no pass ends, and while the server shuts down. */
#define _GNU_SOURCE
#include "serve/paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

/* The parts of a server that the paths see, and one client. */
typedef struct parts {
    engine engine;
    completions completions;
    paths_context paths;
    connection_handlers handlers;
    struct event_base *base;
    connection *connection;
    int client;
} parts;

static bool on_head(void *arg, connection *c) { return paths_on_head(&((parts *)arg)->paths, c); }
static void on_request(void *arg, connection *c) { paths_on_request(&((parts *)arg)->paths, c); }

static void on_refused(void *arg, connection *c, int status, const char *sentence)
{
    (void)arg, (void)c;
    fail_msg("%d %s", status, sentence);
}

static void on_response(void *arg, connection *c, int status) { (void)arg, (void)c, (void)status; }

static void open_parts(parts *p)
{
    int ends[2];
    *p = (parts){ .handlers = { on_head, on_request, on_refused, on_response, p } };
    p->completions.engine = &p->engine, p->completions.model_name = "tiny";
    p->paths = (paths_context){ .rules = { .host = "127.0.0.1", .port = 80 },
        .engine = &p->engine,
        .completions = &p->completions,
        .hang_seconds = 120 };
    p->base = event_base_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    p->client = ends[1];
    p->connection = connection_new(p->base, ends[0], 1000, 60, &p->handlers);
    assert_non_null(p->connection);
}

static void close_parts(parts *p)
{
    connection_free(p->connection);
    event_base_free(p->base);
    close(p->client);
}

static void expect(parts *p, const char *path, int status, const char *phrase)
{
    char text[4096];
    ssize_t size = -1;
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    assert_int_equal(send(p->client, text, strlen(text), 0), strlen(text));
    for (double end = clock_seconds() + 30; size < 0 && clock_seconds() < end;) {
        event_base_loop(p->base, EVLOOP_NONBLOCK);
        size = recv(p->client, text, sizeof text - 1, 0);
    }
    assert_true(size > 0);
    text[size] = 0;
    if (strtol(text + 9, NULL, 10) != status || !strstr(text, phrase))
        fail_msg("%s: expected %d %s, found %s", path, status, phrase, text);
    assert_int_equal(strstr(text, "\r\nRetry-After: ") != NULL, status == 503);
}

static void is_503_until_the_model_is_open(void **state)
{
    (void)state;
    parts p;
    open_parts(&p);
    expect(&p, "/health", 503, "the model is being opened");
    expect(&p, "/v1/models", 503, "the model is being opened");
    expect(&p, "/events", 503, "the model is being opened");
    p.paths.ready = true;
    expect(&p, "/health", 200, "{\"status\": \"ok\"}");
    expect(&p, "/v1/models/other", 404, "tiny");
    p.paths.draining = true;
    expect(&p, "/health", 503, "the server is shutting down");
    expect(&p, "/v1/models", 503, "the server is shutting down");
    close_parts(&p);
}

/* A busy server is well. One in which requests run and no pass ends is not. */
static void is_503_when_no_pass_ends(void **state)
{
    (void)state;
    parts p;
    open_parts(&p);
    p.paths.ready = true;
    choice one = { .request = 1, .state = CADRE_REQUEST_WAITS };
    completion x = { .choices = &one, .count = 1 };
    p.completions.first = &x;
    atomic_store(&p.engine.last_pass, clock_seconds() - 1000);
    expect(&p, "/health", 200, "ok"); /* it waits, for one that has just ended */
    one.state = CADRE_REQUEST_WRITES;
    expect(&p, "/health", 503, "has not finished a pass");
    atomic_store(&p.engine.last_pass, clock_seconds());
    expect(&p, "/health", 200, "ok");
    p.completions.first = NULL;
    atomic_store(&p.engine.last_pass, clock_seconds() - 1000);
    expect(&p, "/health", 200, "ok"); /* idle for long */
    close_parts(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_503_until_the_model_is_open),
        cmocka_unit_test(is_503_when_no_pass_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
