/* served.h - a server with a small model, and clients that speak to it byte by byte. */
#ifndef CADRE_TESTS_SERVED_H
#define CADRE_TESTS_SERVED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cadre.h"

enum { ANSWER = 1 << 20, CONTEXT = 96 };
#define PATIENCE 30.0 /* seconds */

#define T "/v1/completions"
#define C "/v1/chat/completions"
#define RUNNING "cadre_requests_running"
#define WAITING "cadre_requests_waiting"

/* ---- the server ---- */

typedef struct served {
    cadre_context *context;
    cadre_server *server;
    pthread_t thread;
    _Atomic int port; /* 0: it does not answer yet */
    cadre_status status;
} served;

/* For a group of tests: a model of two steps, in scratch_file("model"); and its end. */
int served_model_begin(void **state);
int served_model_end(void **state);
/* The same, served as served_options says */
int served_begin(void **state);
int served_end(void **state);

cadre_server_options served_options(void);
void served_start(served *s, cadre_server_options options); /* with one thread */
void served_start_on(served *s, cadre_server_options options, int threads);
/* Waits for its end, or asks for it. */
void served_finish(served *s);
void served_stop(served *s);

/* ---- clients ---- */

typedef struct client {
    int socket;
    char *text; /* [size] that came and was not read */
    size_t size;
} client;

client visit(const served *s);
void leave(client *c);
void say(const client *c, const char *text);
void say_bytes(const client *c, const char *text, size_t size);
/* More of what the server says; false: it has closed. */
bool hear_more(client *c);
/* Whether this came before the server closed; where it begins. */
char *hear_until(client *c, const char *mark);
/* The first bytes of what came. */
void forget(client *c, size_t size);

typedef struct answer {
    int status;
    char *body; /* of chunks and events what stands behind "data: ", put together by '\n' */
    char head[2048];
} answer;

/* A whole answer, with a length. status 0: the server has closed. */
answer hear(client *c);
/* The data of a stream's chunks, one event a line. */
void keep_events(char *text);

void ask(
    const client *c, const char *method, const char *path, const char *fields, const char *body);
answer get(
    const served *s, const char *method, const char *path, const char *fields, const char *body);
/* The answer to a client of its own has this status, and the phrase in its body. */
void expect(const served *s, int status, const char *method, const char *path, const char *fields,
    const char *body, const char *phrase);

int64_t metric(const served *s, const char *name);
/* Waits until the metric has the value. */
void until(const served *s, const char *name, int64_t value);

#endif
