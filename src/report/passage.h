/* passage.h - a piece of text as the model saw it: its tokens, and for each token the experts that
 * every sparse layer picked. */
#ifndef CADRE_REPORT_PASSAGE_H
#define CADRE_REPORT_PASSAGE_H

#include "base/buffer.h"
#include "report/shape.h"

/* How much a page shows of a passage, and of a token */
enum { PASSAGE_TOKENS = 640, PASSAGE_TOKEN_BYTES = 160 };

typedef struct passage {
    const char *domain; /* borrowed; NULL: none */
    int tokens;         /* that are kept */
    int64_t whole;      /* tokens of the whole passage */
    byte_buffer text;   /* of all tokens, each followed by a NUL */
    int *begin;         /* [tokens] in text */
    bool *prompt;       /* [tokens] it was given, not generated */
    int16_t *expert; /* [tokens, picks of all layers], -1: none; in each layer the heaviest first */
    float *weight;   /* [tokens, picks of all layers] */
    int room;        /* tokens that fit */
    int latest;      /* row of expert and weight of the latest token */
} passage;

/* Appends a token, {"text", "experts": [S][K], "weights": [S][K], "prompt"}. Beyond PASSAGE_TOKENS,
 * only checks and counts it. A layer may name fewer experts than it has picks, and -1 for a pick
 * that was dropped; weights are optional. */
cadre_status passage_add(passage *p, const json_node *token, const model_shape *shape);
void passage_free(passage *p);

/* The expert with the greatest weight for a token in a layer; -1: none. */
static inline int passage_first(const passage *p, const model_shape *shape, int token, int layer)
{
    return p->expert[(int64_t)token * shape->picks + shape->layer[layer].first_pick];
}

#endif
