/* batcher.h - runs several requests together, pass by pass. It owns the memory of the passes and
 * decides which tokens are in each; requests join and leave between two passes.
 *
 * A pass takes every request that writes one token further. Beside them it reads a bounded chunk of
 * the prompts, so that no request that writes waits long; the prompts share this chunk evenly. One
 * product with the vocabulary gives the logits of all requests. What a request writes depends
 * neither on the others in a pass nor on the chunks (infer/runner.h).
 *
 * A pass that fails for want of an expert, which cannot be read from disk, is repeated for each
 * request alone, so that only those fail whose tokens need it.
 *
 * If the model has an encoder, each request has a pass of its own: the places of its experts are
 * counted over a whole output, which is run again for every token. */
#ifndef CADRE_INFER_BATCHER_H
#define CADRE_INFER_BATCHER_H

#include "cadre/model.h"
#include "infer/encoder_decoder.h"
#include "infer/expert_load.h"
#include "infer/request.h"
#include "infer/runner.h"
#include "infer/slot_cache.h"

typedef struct batcher_limits {
    int64_t slots;    /* requests that are taken further together */
    int64_t capacity; /* tokens of a sequence */
    int64_t chunk;    /* tokens of prompts in a pass */
    int64_t beside;   /* the same while as many write as read, or more: 1 to chunk */
    int64_t blocks;   /* of a cache of the slots' own; 0: their sessions are given */
} batcher_limits;

/* A request's place, and what is planned for it in a pass. */
typedef struct batcher_slot {
    session *session;       /* given, or the cache's: keeps what was read when a request leaves */
    encoder_decoder stacks; /* instead, of a model with an encoder */
    request *request;       /* borrowed; NULL: free */
    int64_t count, first;   /* tokens in the pass, and the first of them there */
    int64_t planned;        /* tokens in a pass that failed */
    int64_t row;            /* of its logits; -1: none */
} batcher_slot;

typedef struct batcher {
    cadre_model *model; /* borrowed */
    batcher_limits limits;
    runner runner;
    slot_cache cache; /* where the limits have blocks */
    arena arena;
    batcher_slot *slots;  /* [slots] */
    runner_chunk *chunks; /* [slots] */
    int64_t *rows;        /* [slots] */
    real *logits;         /* [slots, V] */
    route_log log;        /* of a pass, once a request wants routes */
    bool logs;            /* this pass's routes are wanted */
    expert_load load;     /* of all passes */
    int64_t turn;         /* the slot whose prompt comes first */
} batcher;

/* sessions [slots] with room for the capacity are borrowed, and nobody else uses them while their
 * slots are not free. NULL: the model has an encoder, or the limits have blocks, at least as many
 * as a sequence of the capacity needs. */
cadre_status batcher_open(
    cadre_model *model, const batcher_limits *limits, session *sessions, batcher *b);
void batcher_close(batcher *b); /* of requests too: they stay as they are */

bool batcher_has_room(const batcher *b); /* a slot is free */
bool batcher_is_idle(const batcher *b);  /* all are */
/* A slot is free, and the blocks that the request may come to need can be promised to it. */
bool batcher_admits(const batcher *b, const request *r);

/* The request takes the free slot that has read most of its prompt. It has to be admitted, and to
 * have no more tokens than the capacity. */
cadre_status batcher_join(batcher *b, request *r);
void batcher_leave(batcher *b, const request *r); /* if it is there */

/* Runs one pass. Requests that have ended leave. If all requests in it read and may stop, the pass
 * ends between two layers when the process is asked to stop. */
void batcher_pass(batcher *b);

#endif
