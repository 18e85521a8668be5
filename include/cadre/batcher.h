/* batcher.h - many requests, advanced together.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_BATCHER_PUBLIC_H
#define CADRE_BATCHER_PUBLIC_H

#include "cadre/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Texts that are continued beside each other, as a server does. Requests are submitted at any time,
 * wait in order in a bounded queue, and are advanced together by the thread that calls
 * cadre_batcher_run again and again. A pass writes one token of every text that is being written,
 * and reads a bounded chunk of the waiting prompts. A request writes what cadre_generate writes for
 * it, to the bit, whatever else is in a pass and whichever requests are cancelled.
 *
 * One thread runs; any number of others submit, poll and cancel meanwhile, and never wait for a
 * pass. Borrows the model. Passes allocate nothing.
 *
 * The caches of all requests lie in one pool of blocks of 64 tokens each, as many as were asked for
 * when the batcher was made. A request waits until the blocks that its prompt and its limit may
 * need are free, or are kept for nobody who is being served, so it never runs out of them later.
 * Requests that begin alike, by a whole block or more, share its memory and read it once. What was
 * read is kept until another request needs the room; what was used last is kept longest. */
typedef struct cadre_batcher cadre_batcher;

typedef struct cadre_batcher_limits {
    size_t size;     /* sizeof(cadre_batcher_limits) */
    int64_t slots;   /* requests that are advanced at a time, at least 1 */
    int64_t queue;   /* further requests: those that wait, or have ended and are still known */
    int64_t context; /* tokens of a request, its prompt's included; 0: the model's own */
    int64_t chunk;   /* tokens of prompts that a pass reads; 0: 512 */
    /* The same while other requests write and wait for the pass; 0: 64. Where more requests read
     * than write, as many times as much, up to `chunk` */
    int64_t beside;
    /* Tokens that the caches of all requests hold together, including those that are kept, in
     * layers without a window: at least the context; 0, and at most: slots times the context */
    int64_t cache;
} cadre_batcher_limits;

/* Allocates the memory of its passes, of at most chunk + slots - 1 tokens, and logits [slots, V].
 * The caches' memory is taken when it is first used. It is at most slots times
 * cadre_model_cache_bytes of the context, with a chunk of at most 512; with `cache` tokens, layers
 * without a window take no more than for so many. Snapshots of recurrent layers' states
 * (cadre_batcher_cache) come on top. */
CADRE_API cadre_status cadre_batcher_new(
    cadre_model *model, const cadre_batcher_limits *limits, cadre_batcher **batcher);
/* Frees it with all its requests. No other thread may be using it. */
CADRE_API void cadre_batcher_free(cadre_batcher *batcher);

typedef struct cadre_request {
    size_t size;           /* sizeof(cadre_request) */
    const int32_t *tokens; /* [count] the prompt: at least 1, fewer than the context */
    int64_t count;
    int64_t limit; /* tokens to write, at least 0; it also ends at the context's end */
    const cadre_sampling *sampling; /* NULL: cadre_sampling_default */
    const char *const *stops;       /* [stop_count] texts that end it, as cadre_stop finds them */
    int stop_count;
    const int32_t *ends; /* [end_count] tokens that end it, beside the model's own */
    int64_t end_count;
    /* How likely each token was that is written, and the `top` most likely tokens (0 to 20) beside
     * it, by the model's logits before anything is done to them */
    bool logprobs;
    int32_t top;
    /* The same of the prompt's tokens but the first. All of the prompt is read for it, also what
     * was read before */
    bool prompt_logprobs;
    /* Which experts each token that is read went to; the prompt is read as above */
    bool routes;
    /* 0, or a request with the same beginning: this one waits until that one has read its prompt,
     * which is then read once */
    int64_t after;
    bool load; /* How many of its tokens each expert takes: cadre_batcher_request_load */
} cadre_request;

/* Copies the request. id: its name from now on, a number above 0 that is never used again.
 * CADRE_EFULL: slots and queue are taken. */
CADRE_API cadre_status cadre_batcher_submit(
    cadre_batcher *batcher, const cadre_request *request, int64_t *id);

/* Runs one pass. Free slots are first given to the requests that have waited longest. idle: no
 * request is waiting, read or written, and nothing was done. CADRE_EBUSY: another thread computes
 * in the same context. A fault of one request belongs to that request (CADRE_REQUEST_FAILED) and is
 * not returned here. cadre_interrupt does not stop it. */
CADRE_API cadre_status cadre_batcher_run(cadre_batcher *batcher, bool *idle);

typedef enum cadre_request_state {
    CADRE_REQUEST_WAITS,
    CADRE_REQUEST_READS, /* its prompt */
    CADRE_REQUEST_WRITES,
    CADRE_REQUEST_ENDED,   /* by a token that ends a text */
    CADRE_REQUEST_STOPPED, /* by a stop text */
    CADRE_REQUEST_LIMIT,   /* by its limit, or at the end of the context */
    CADRE_REQUEST_FAILED   /* `status` and `sentence` say why */
} cadre_request_state;

/* Whether a request in this state has ended: it is neither waiting, read nor written any more. */
CADRE_API bool cadre_request_has_ended(cadre_request_state state);

typedef struct cadre_logprob {
    int32_t token;
    float logprob; /* natural logarithm of its probability */
} cadre_logprob;

/* The news of a request since it was last polled */
typedef struct cadre_request_news {
    size_t size; /* sizeof(cadre_request_news) */
    cadre_request_state state;
    const int32_t *ids; /* [id_count] written since; with the end-of-text token */
    int64_t id_count;
    const char *text; /* [text_size] text since then: whole characters, nothing of a stop text */
    size_t text_size;
    int64_t prompt_tokens,
        cached_tokens;    /* tokens of the prompt, and those of them that were not read again */
    int64_t tokens;       /* written in all */
    cadre_status status;  /* CADRE_OK unless the request has failed */
    const char *sentence; /* "" */
    /* Where they were asked for: [id_count] of `ids`, and [id_count, top] the most likely first */
    const float *logprobs;
    const cadre_logprob *top;
    /* The prompt's, once it is read: [prompt_tokens], the first of no meaning, and
     * [prompt_tokens, top] */
    const float *prompt_logprobs;
    const cadre_logprob *prompt_top;
    /* [route_tokens, S, K] of the tokens read so far, all of the prompt and what was written but
     * the last one: experts in each sparse layer, the heaviest first, -1 where a token has fewer
     * than the K of the layer with most */
    const int16_t *routes;
    int64_t route_tokens, route_layers, route_picks;
} cadre_request_news;

/* Gives the news of a request. Its pointers are borrowed until the request is polled again or
 * cancelled. CADRE_EARGUMENT: there is no such request. */
CADRE_API cadre_status cadre_batcher_poll(
    cadre_batcher *batcher, int64_t id, cadre_request_news *news);

/* The caches of all requests, after the last pass. */
typedef struct cadre_batcher_cache {
    size_t size;          /* sizeof(cadre_batcher_cache) */
    int64_t block_tokens; /* of each block; 0, like all below, for a model with an encoder */
    int64_t blocks;       /* in all */
    int64_t used;         /* by requests that are read or written */
    int64_t kept;         /* of texts that were read before; they make room when it is needed */
    /* The prompts' tokens of all requests so far, and those of them that were found in the cache */
    int64_t prompt_tokens, cached_tokens;
    int64_t evicted; /* shared blocks that had to make room so far */
    /* Copies of recurrent layers' states, with which later requests can begin: of so many bytes
     * each, at most so many, and those that there are. 0: the model has none, or several ranks */
    int64_t snapshot_bytes, snapshots, kept_snapshots;
} cadre_batcher_cache;

/* Describes the caches. Waits for no pass. */
CADRE_API cadre_status cadre_batcher_cache_get(cadre_batcher *batcher, cadre_batcher_cache *cache);

/* What the experts had to do in all passes so far. Waits for no pass. */
typedef struct cadre_batcher_load {
    size_t size;             /* sizeof(cadre_batcher_load) */
    int64_t layers, experts; /* sparse layers S; E, the most of any layer */
    int64_t passes;
    /* Tokens that each expert took: [S, E]; borrowed until the next such call, which one thread at
     * a time makes */
    const int64_t *rows;
    /* [S] the largest expert's share of each pass, added up: E of a layer times this over all its
     * rows is how many times the mean the busiest expert had to do */
    const int64_t *largest;
    const int64_t *layer_experts; /* [S] E of each */
} cadre_batcher_load;

/* Describes the load of the experts. */
CADRE_API cadre_status cadre_batcher_load_get(cadre_batcher *batcher, cadre_batcher_load *load);

/* Adds the tokens of one request that each expert has taken so far to rows [S, E], where `load` was
 * asked for. Waits for no pass. CADRE_EARGUMENT as of cadre_batcher_poll. */
CADRE_API cadre_status cadre_batcher_request_load(
    cadre_batcher *batcher, int64_t id, int64_t *rows);

/* What came of placing experts anew. The ratios are of what was computed since experts were placed
 * the last time: rows of each layer's busiest rank, over the mean of the ranks; 1 is even. */
typedef struct cadre_placed {
    size_t size; /* sizeof(cadre_placed) */
    bool changed;
    double before, after; /* as experts were placed; as they are now */
} cadre_placed;

/* Places the experts of a model that ranks divide anew, by how many tokens each took since this
 * was called last, or the batcher was made. Where that would not make the busiest ranks' work less
 * by 2 % or more, it does nothing. Results stay the same. Call it between two passes, in the
 * thread that runs them. Every rank maps the experts that it gets, and then lets go of those that
 * it has no longer; experts that are repacked are in memory twice meanwhile. CADRE_EARGUMENT: the
 * context has no placement "balanced" or "replicated" (cadre_context_place). CADRE_EBUSY as of
 * cadre_batcher_run. After an error, as for want of memory, experts are where they were. */
CADRE_API cadre_status cadre_batcher_place(cadre_batcher *batcher, cadre_placed *placed);

/* Lets go of a request, at once of one that waits or has ended, before the next pass of one that is
 * written. Every request is cancelled once: it keeps its place until then, also when it has ended.
 * CADRE_EARGUMENT as above. */
CADRE_API cadre_status cadre_batcher_cancel(cadre_batcher *batcher, int64_t id);

#ifdef __cplusplus
}
#endif
#endif
