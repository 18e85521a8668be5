/* access.h - who may ask: hosts by which this server is called, pages whose scripts may read its
 * answers, and the key. Nothing is open that was not asked to be. */
#ifndef CADRE_SERVE_ACCESS_H
#define CADRE_SERVE_ACCESS_H

#include <stdbool.h>

#include "serve/http_reader.h"

typedef struct access_rules {
    const char *host; /* that the server listens on, as it was given; borrowed, as all here */
    int port;
    const char *key;  /* NULL: none is asked for */
    const char *cors; /* the origin whose pages may read answers; NULL: none */
} access_rules;

/* Whether an address can be reached from this machine alone. */
bool access_is_loopback(const char *host);

/* The Host field names this server: by a loopback name, or the address that it listens on. A page
 * elsewhere whose name was made to lead here does not (DNS rebinding). data NULL: HTTP/1.0 without
 * one, which no browser sends. */
bool access_host_is_known(const access_rules *rules, string_view host);

/* A page of this server itself, or of the origin that may; data NULL: no page asks. */
bool access_origin_is_known(const access_rules *rules, string_view origin, string_view host);
/* The origin whose pages may read this answer. */
bool access_origin_may_read(const access_rules *rules, string_view origin);

/* "Bearer KEY", compared in a time that does not tell how much of it is right. */
bool access_key_is_right(const access_rules *rules, string_view authorization);

#endif
