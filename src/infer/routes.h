/* routes.h - which experts each token took, layer by layer, gathered while a model runs; and the
 * file that records it.
 *
 * The file is JSON lines: first {"cadre_routes": 1, "model", "architecture", "sparse_layers":
 * [{"layer", "experts", "topk", "router"}]}, then a line a token: {"token", "text", "experts":
 * [S][K], "weights": [S][K], "prompt"}. */
#ifndef CADRE_INFER_ROUTES_H
#define CADRE_INFER_ROUTES_H

#include "cadre/model.h"
#include "format/json_writer.h"
#include "model/model.h"

/* Picks of `room` tokens in every sparse layer, sorted by id; -1 and 0 where a token has fewer. */
typedef struct route_log {
    const model_config *config;  /* borrowed */
    int64_t layers, room, picks; /* S; T; K, the most of any layer */
    int64_t offset;              /* where the next batch's first token goes */
    int32_t *experts;            /* [S, T, K] */
    float *weights;              /* [S, T, K] */
} route_log;

int64_t route_log_picks(const model_config *config);   /* K */
int64_t route_log_experts(const model_config *config); /* E, the most of any layer */
cadre_status route_log_open(route_log *r, const model_config *config, int64_t room);
void route_log_close(route_log *r);
void route_log_watch(void *log, int64_t layer, const plan *p); /* a transformer_watch */

/* Token t: its "experts" and "weights", as members of the object that is open. */
void route_log_write(const route_log *r, int64_t t, json_writer *w);

typedef struct route_file route_file;
/* command: as in cadre_generation */
cadre_status route_file_open(
    const char *path, const cadre_model *model, const char *const *command, route_file **f);
/* Token t of the log, with the text that it completed. */
cadre_status route_file_put(route_file *f, const route_log *r, int64_t t, int32_t token,
    const char *text, size_t size, bool prompt);
cadre_status route_file_commit(route_file *f); /* frees f */
void route_file_discard(route_file *f);        /* frees f, leaves no file; NULL is fine */

#endif
