/* served.c - the server's thread, and sockets. */
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
#include "support/served.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

/* ---- the server ---- */

static void note_port(void *arg, const char *url)
{
    served *s = arg;
    atomic_store(&s->port, (int)strtol(strrchr(url, ':') + 1, NULL, 10));
}

static void *live(void *arg)
{
    served *s = arg;
    s->status = cadre_server_run(s->server);
    return NULL;
}

cadre_server_options served_options(void)
{
    return (cadre_server_options){ .size = sizeof(cadre_server_options),
        .alias = "tiny",
        .streams = 4,
        .queue = 8,
        .template_name = "deepseek" };
}

void served_start(served *s, cadre_server_options options) { served_start_on(s, options, 1); }

void served_start_on(served *s, cadre_server_options options, int threads)
{
    *s = (served){ 0 };
    options.listening = note_port, options.arg = s;
    succeeds(cadre_context_new(threads, NULL, &s->context));
    succeeds(cadre_server_new(s->context, scratch_file("model"), &options, &s->server));
    assert_int_equal(pthread_create(&s->thread, NULL, live, s), 0);
    for (double end = clock_seconds() + PATIENCE; !atomic_load(&s->port);) {
        assert_true(clock_seconds() < end);
        usleep(2000);
    }
}

void served_finish(served *s)
{
    pthread_join(s->thread, NULL);
    succeeds(s->status);
    cadre_server_free(s->server);
    cadre_context_free(s->context);
}

void served_stop(served *s)
{
    cadre_server_stop(s->server);
    served_finish(s);
}

/* ---- clients ---- */

client visit(const served *s)
{
    client c = { .socket = socket(AF_INET, SOCK_STREAM, 0), .text = malloc(ANSWER) };
    struct sockaddr_in to = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atomic_load(&s->port)),
        .sin_addr = { htonl(INADDR_LOOPBACK) } };
    assert_int_equal(connect(c.socket, (struct sockaddr *)&to, sizeof to), 0);
    return c;
}

void leave(client *c)
{
    close(c->socket);
    free(c->text);
}

void say_bytes(const client *c, const char *text, size_t size)
{
    while (size) {
        ssize_t sent = send(c->socket, text, size, MSG_NOSIGNAL);
        if (sent <= 0) return;
        text += sent, size -= (size_t)sent;
    }
}

void say(const client *c, const char *text) { say_bytes(c, text, strlen(text)); }

/* More of what the server says; false: it has closed. */
bool hear_more(client *c)
{
    struct pollfd p = { .fd = c->socket, .events = POLLIN };
    assert_int_equal(poll(&p, 1, (int)(PATIENCE * 1000)), 1);
    ssize_t got = recv(c->socket, c->text + c->size, ANSWER - 1 - c->size, 0);
    if (got <= 0) return false;
    c->size += (size_t)got;
    c->text[c->size] = 0;
    return true;
}

/* Whether this came before the server closed; where it begins. */
char *hear_until(client *c, const char *mark)
{
    char *at;
    c->text[c->size] = 0;
    while (!(at = strstr(c->text, mark)))
        if (!hear_more(c)) return NULL;
    return at;
}

void forget(client *c, size_t size)
{
    c->size -= size;
    memmove(c->text, c->text + size, c->size + 1);
}

/* A whole answer, with a length. status 0: the server has closed. */
answer hear(client *c)
{
    answer a = { 0 };
    char *end = hear_until(c, "\r\n\r\n"), *length;
    if (!end) return a;
    size_t head = (size_t)(end - c->text) + 4;
    assert_true(head < sizeof a.head);
    memcpy(a.head, c->text, head);
    a.status = (int)strtol(a.head + 9, NULL, 10);
    forget(c, head);
    if (a.status == 100) return hear(c);
    if (strstr(a.head, "Transfer-Encoding: chunked")) {
        end = hear_until(c, "\r\n0\r\n\r\n");
        assert_non_null(end);
        head = (size_t)(end - c->text) + 7;
    } else {
        length = strstr(a.head, "Content-Length: ");
        head = length ? strtoul(length + 16, NULL, 10) : 0;
        while (c->size < head) assert_true(hear_more(c));
    }
    a.body = malloc(head + 1);
    memcpy(a.body, c->text, head);
    a.body[head] = 0;
    forget(c, head);
    return a;
}

/* The data of a stream's chunks, one event a line. */
void keep_events(char *text)
{
    char *to = text;
    for (char *at = strstr(text, "data: "); at; at = strstr(at, "data: ")) {
        size_t size = strcspn(at += 6, "\n");
        memmove(to, at, size);
        to += size, at += size;
        *to++ = '\n';
    }
    *to = 0;
}

void ask(
    const client *c, const char *method, const char *path, const char *fields, const char *body)
{
    char *text = mem_printf("%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
        method, path, fields, strlen(body), body);
    say(c, text);
    mem_free(text);
}

answer get(
    const served *s, const char *method, const char *path, const char *fields, const char *body)
{
    client c = visit(s);
    ask(&c, method, path, fields, body);
    answer a = hear(&c);
    leave(&c);
    return a;
}

void expect(const served *s, int status, const char *method, const char *path, const char *fields,
    const char *body, const char *phrase)
{
    answer a = get(s, method, path, fields, body);
    if (a.status != status || !strstr(a.body ? a.body : "", phrase))
        fail_msg("%s %s %s: %d %s", method, path, body, a.status, a.body ? a.body : "closed");
    if (status >= 400 && !strstr(a.body, "\"error\": {\"message\": \""))
        fail_msg("no error object: %s", a.body);
    free(a.body);
}

int64_t metric(const served *s, const char *name)
{
    answer a = get(s, "GET", "/metrics", "", "");
    char *line = mem_printf("\n%s ", name);
    char *at = strstr(a.body, line);
    int64_t value = at ? strtoll(at + strlen(line), NULL, 10) : -1;
    mem_free(line);
    free(a.body);
    return value;
}

void until(const served *s, const char *name, int64_t value)
{
    double end = clock_seconds() + PATIENCE;
    while (metric(s, name) != value) {
        if (clock_seconds() > end) fail_msg("%s is not %lld in time", name, (long long)value);
        usleep(5000);
    }
}

int served_model_begin(void **state)
{
    (void)state;
    small_model_make("96");
    return 0;
}

int served_model_end(void **state)
{
    (void)state;
    small_remove(scratch_file("model"));
    return 0;
}

int served_begin(void **state)
{
    static served s;
    served_model_begin(state);
    served_start(&s, served_options());
    *state = &s;
    return 0;
}

int served_end(void **state)
{
    served_stop(*state);
    return served_model_end(state);
}
