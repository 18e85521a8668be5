/* request_routes.h - where the tokens of one request went, for threads that do not run it: which
 * experts each token took, and how many tokens each expert took. */
#ifndef CADRE_INFER_REQUEST_ROUTES_H
#define CADRE_INFER_REQUEST_ROUTES_H

#include <stdatomic.h>

#include "infer/routes.h"

/* The thread that runs passes writes; others read the experts of tokens up to a count that it has
 * shown them under a lock, and the numbers of rows at any time. */
typedef struct request_routes {
    int64_t layers, picks, width; /* S; K; E, the most of any layer */
    int64_t room, count;
    int16_t *experts;      /* [room, S, K] the heaviest first; NULL: they are not wanted */
    _Atomic int32_t *rows; /* [S, E] tokens that each took; NULL: they are not wanted */
} request_routes;

/* For a model with sparse layers and no encoder; others are refused where experts are wanted, and
 * have no rows. */
cadre_status request_routes_open(
    const model_config *config, bool experts, bool rows, int64_t room, request_routes *r);
void request_routes_close(request_routes *r); /* fine for one that is all zero */

/* A request_watch: tokens come in their order. */
cadre_status request_routes_watch(
    void *routes, const route_log *log, int64_t t, int32_t token, bool prompt);

/* rows [S, E] are added to. */
void request_routes_add_rows(const request_routes *r, int64_t *rows);

#endif
