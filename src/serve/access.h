/* access.h - who may send requests: the host names by which this server may be addressed, the web
 * pages whose scripts may read its responses (CORS), and the API key. Nothing is allowed that the
 * options do not allow. */
#ifndef CADRE_SERVE_ACCESS_H
#define CADRE_SERVE_ACCESS_H

#include <stdbool.h>

#include "serve/http_reader.h"

typedef struct access_rules {
    /* the address that the server listens on, as the user gave it; all pointers here are
     * borrowed */
    const char *host;
    int port;
    const char *key;  /* NULL: no key is required */
    const char *cors; /* the origin whose pages may read responses; NULL: none */
} access_rules;

/* Whether only programs on this machine can reach the address. */
bool access_is_loopback(const char *host);

/* Whether the Host field names this server: by a loopback name, or by the address that it listens
 * on. The check stops DNS rebinding, in which a foreign web page makes its own name resolve to this
 * machine. data NULL: an HTTP/1.0 request without a Host field, which no browser sends. */
bool access_host_is_known(const access_rules *rules, string_view host);

/* Whether a request comes from a page of this server, or of the allowed origin. data NULL: the
 * request has no Origin field, so it does not come from a foreign page, and is allowed. */
bool access_origin_is_known(const access_rules *rules, string_view origin, string_view host);
/* Whether pages of this origin may read responses. */
bool access_origin_may_read(const access_rules *rules, string_view origin);

/* Whether the field is "Bearer KEY" with the right key. The time that the comparison takes does not
 * reveal how much of the key is right. */
bool access_key_is_right(const access_rules *rules, string_view authorization);

#endif
