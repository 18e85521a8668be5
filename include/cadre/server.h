/* server.h - a server for clients of OpenAI's interface.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_SERVER_PUBLIC_H
#define CADRE_SERVER_PUBLIC_H

#include "cadre/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The interface that OpenAI's clients speak, over HTTP/1.1, on an open port: completions and chats,
 * whole and streamed, for a model that is opened in a thread of its own, with a batcher in which
 * all requests are advanced together (docs/serving.md). One thread at a time may use it, but
 * cadre_server_stop is for any. */
typedef struct cadre_server cadre_server;

typedef struct cadre_server_options {
    size_t size;        /* sizeof(cadre_server_options) */
    const char *host;   /* NULL: 127.0.0.1. Another than a loopback one only with a key */
    int port;           /* 0: one that is free */
    const char *alias;  /* what the model is called; NULL: the last part of its path */
    int64_t streams;    /* requests that are answered at a time; 0: 8 */
    int64_t queue;      /* requests that may wait; others are refused; -1: none; 0: 64 */
    int64_t context;    /* tokens of a request, its prompt's included; 0: the model's own */
    const char *key;    /* what clients must send; NULL: nothing */
    const char *origin; /* whose pages may read answers, "https://app.example"; NULL: none */
    double timeout;     /* seconds for a request to arrive, and for an answer to be read; 0: 60 */
    int64_t body_limit; /* bytes of a request; 0: 8 MiB */
    const char *template_name; /* of chats; NULL: recognised */
    bool repack;               /* as cadre_open_options has it */
    const char *cache;         /* as cadre_open_options has it */
    /* Called in the thread that runs the server; each NULL: not wanted */
    void (*listening)(void *arg, const char *url); /* it can answer now: "http://127.0.0.1:8080" */
    /* A request was answered: one line with its method, path, status and counts, and nothing of
     * what was asked or answered */
    void (*log)(void *arg, const char *line);
    void *arg;
    int64_t memory;      /* as cadre_open_options has it */
    const char *adapter; /* as cadre_open_options has it */
    /* Before it can answer, the experts are read that warm_by says were used most, or where that
     * is NULL, earlier servers; then, at its end, it leaves the next one what it used
     * (cadre_model_warm, cadre_model_keep_use) */
    bool warm;
    const char *warm_by;
    /* Called in the thread that opens the model: how many of these experts are there; NULL: not
     * wanted */
    void (*warming)(void *arg, int64_t done, int64_t total);
    /* Between passes, experts that ranks divide are placed anew so often, in seconds, by how much
     * they were used since (cadre_batcher_place); 0: never */
    double place_every;
} cadre_server_options;

/* Makes a server that listens, and answers nothing yet. Borrows the context, in which nobody else
 * is to compute. CADRE_EIO: the address cannot be used, as with a port that is in use.
 * CADRE_EARGUMENT: an option that is not possible, as a host that others reach without a key.
 * CADRE_EUNSUPPORTED: the program was linked with the archive and without libevent's core, which it
 * may leave out where it does not serve. */
CADRE_API cadre_status cadre_server_new(cadre_context *context, const char *model,
    const cadre_server_options *options, cadre_server **server);

/* Opens the model and answers until it is stopped, or the model cannot be opened. While it is
 * being opened clients are told so. */
CADRE_API cadre_status cadre_server_run(cadre_server *server);

/* Lets what runs be finished and takes nothing new; a second call ends at once. Safe in a signal
 * handler, and in any thread. */
CADRE_API void cadre_server_stop(cadre_server *server);

CADRE_API void cadre_server_free(cadre_server *server); /* when it does not run */

#ifdef __cplusplus
}
#endif
#endif
