/* session.h - running models: sampling, one sequence, many in one pass.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_SESSION_PUBLIC_H
#define CADRE_SESSION_PUBLIC_H

#include "cadre/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- running models ---- */

/* What a model computes must be finite. If its logits or losses are not (NaN in a tensor, sums
 * beyond what a float holds), these functions return CADRE_EFORMAT, and the error names the tensor
 * at fault if one is found. */

/* Writes logits and routing of every position to a safetensors file: tokens [T] i32, logits [T, V]
 * f32, routes [S, T, K] i32 sorted by id, weights [S, T, K] f32 in the same order; -1 and 0 stand
 * where a token has fewer picks. S counts sparse layers.
 *
 * A model with an encoder reads `tokens` [T] there, and `decoder` [U] in its decoder; NULL: the
 * model has no encoder. Its file also has decoder_tokens [U]; logits are [U, V]; and tensors
 * routes.i and weights.i [T or U, K] are for the encoder's sparse layers, then the decoder's. */
CADRE_API cadre_status cadre_logits(cadre_model *model, const int32_t *tokens, int64_t count,
    const int32_t *decoder, int64_t decoder_count, const char *out);

/* What a text must be: JSON, valid for a schema. Only tokens with which it can still become that
 * are chosen, by their logits as they are; the tokens that end a text are where it is whole, and
 * not before. A text that its limit or the context cuts is the beginning of one. A vocabulary in
 * which no token goes on is an error of the text that comes there.
 *
 * Any number of texts of the model that it was made for, in any threads, may have the same one, and
 * share what is found out about its vocabulary. Those that have it keep it: it may be freed as soon
 * as a text was given it. */
typedef struct cadre_constraint cadre_constraint;

/* schema [size]: a JSON schema; NULL: any object. name: in errors. Of JSON Schema are done: type
 * (and OpenAPI's nullable), properties, required, additionalProperties, patternProperties,
 * propertyNames; minProperties up to what is required, and 1, and maxProperties where no named
 * property may be absent, or of few names; items, prefixItems, minItems, maxItems, uniqueItems of
 * an enum of at most 10 values; enum, const; minimum, maximum, both exclusive ones, multipleOf an
 * integer up to 1000 or a fraction that is exact in binary; minLength, maxLength, pattern, with
 * conditions such as (?!...) at its beginning, and format; anyOf, allOf, oneOf (taken as anyOf);
 * "not" of {}; $ref within the document. CADRE_EUNSUPPORTED:
 * another word that changes what is valid, with the way to it; a pattern that is no regular
 * language; a schema that is too large. CADRE_EFORMAT: no schema. CADRE_EARGUMENT: nothing is valid
 * for it.
 *
 * What comes is valid, and not all that is valid can come: properties come in the order of the
 * schema, those that it does not name only where additionalProperties says so or it names none, and
 * numbers have at most 15 digits before and after the point. */
CADRE_API cadre_status cadre_constraint_json(cadre_model *model, const char *name,
    const char *schema, size_t size, cadre_constraint **constraint);
CADRE_API void cadre_constraint_free(cadre_constraint *constraint);

/* How tokens are chosen. Zero is neutral everywhere: a struct of zeros and its size takes the most
 * likely token each time. What is out of bounds, or no number, is CADRE_EARGUMENT. */
typedef struct cadre_sampling {
    size_t size;               /* sizeof(cadre_sampling) */
    double temperature;        /* at least 0; 0: greedy, always the most likely token */
    int64_t top_k;             /* 0: all */
    double top_p;              /* 0 to 1, a share of what top_k leaves; 0 and 1: all */
    double min_p;              /* 0 to 1; 0: all */
    double repetition_penalty; /* at least 0; 0 and 1: none */
    uint64_t seed;
    /* What the text must be, from its first token on; NULL: anything */
    struct cadre_constraint *constraint;
    /* Taken from the logit of each token that was written before (not of the prompt's): once, and
     * for every time; -2 to 2 */
    double presence_penalty, frequency_penalty;
    const struct cadre_bias *biases; /* [bias_count] */
    int64_t bias_count;
} cadre_sampling;

/* A number that is added to a token's logit, -100 to 100; -100: the token is never chosen. */
typedef struct cadre_bias {
    int32_t token;
    float bias;
} cadre_bias;

/* As likely as the model says, with seed 0. It is also what NULL means wherever a cadre_sampling is
 * asked for. */
static inline cadre_sampling cadre_sampling_default(void)
{
    cadre_sampling sampling = { sizeof(cadre_sampling), 1.0, 0, 1.0, 0.0, 1.0, 0, NULL, 0.0, 0.0,
        NULL, 0 };
    return sampling;
}

/* Replaces what the model's own files say of how to sample (generation_config.json, or the keys
 * general.sampling of a GGUF), and leaves the rest as it is. *said: whether they say anything. A
 * value that cannot be is CADRE_EFORMAT. */
CADRE_API cadre_status cadre_model_sampling(
    const cadre_model *model, cadre_sampling *sampling, bool *said);

/* Writes what `sampling` draws with into text [size], cut to fit, as "temperature 0.7, top-k 20";
 * "greedy" for a temperature of 0. Neutral values are left out. */
CADRE_API void cadre_sampling_words(const cadre_sampling *sampling, char *text, size_t size);

/* Hears each generated token: its id, and the text that it completed (size may be 0). Returns false
 * to stop. */
typedef bool (*cadre_token_listener)(void *arg, int32_t id, const char *text, size_t size);

/* How a text is continued. */
typedef struct cadre_generation {
    size_t size;                    /* sizeof(cadre_generation) */
    int64_t limit;                  /* tokens to write at most, at least 0 */
    const cadre_sampling *sampling; /* NULL: cadre_sampling_default */
    cadre_token_listener listener;  /* hears each token; NULL: nobody does */
    void *arg;                      /* the listener's */
    const char *routes; /* a file to record all routing in, for cadre_report_write; NULL: none */
    /* The words of the command that asks for it, the program first, NULL after the last: the
     * recording's first line keeps them. NULL: not said */
    const char *const *command;
} cadre_generation;

/* Continues tokens [count] (count is at least 1) until an end-of-text token, which is reported too,
 * without text, or up to the limit. CADRE_EBUSY: another thread computes in the same context.
 * CADRE_EUNSUPPORTED: routes are asked for of a model that has none. */
CADRE_API cadre_status cadre_generate(
    cadre_model *model, const int32_t *tokens, int64_t count, const cadre_generation *generation);

/* A sequence whose keys and values are kept, so that a text that begins like the last one costs
 * only what is new in it, as the turns of a conversation do. Holds up to `capacity` tokens, and
 * takes memory as they come. Borrows the model. One thread at a time may use it. CADRE_EBUSY:
 * another thread computes with the same model, or its own listener calls back. */
typedef struct cadre_session cadre_session;
/* Makes an empty session. */
CADRE_API cadre_status cadre_session_new(
    cadre_model *model, int64_t capacity, cadre_session **session);
CADRE_API void cadre_session_free(cadre_session *session);

/* Continues `count` tokens by up to `limit`, with the same tokens as cadre_generate: what the
 * session holds of their beginning is not computed again. count + limit <= capacity. */
CADRE_API cadre_status cadre_session_generate(cadre_session *session, const int32_t *tokens,
    int64_t count, int64_t limit, const cadre_sampling *sampling, cadre_token_listener listener,
    void *arg);

/* What it holds: the number of tokens, the number that it has room for, and the tokens [length],
 * borrowed until the session is used again. After cadre_session_generate these are the given text
 * and what was generated, except for the last token. */
CADRE_API int64_t cadre_session_length(const cadre_session *session);
CADRE_API int64_t cadre_session_capacity(const cadre_session *session);
CADRE_API const int32_t *cadre_session_tokens(const cadre_session *session);

/* Forgets all but the first `length` tokens. CADRE_EUNSUPPORTED: recurrent layers can forget all
 * tokens only, and layers with a window at most the last 64 or all, since they keep nothing that is
 * behind the window of the last token. */
CADRE_API cadre_status cadre_session_truncate(cadre_session *session, int64_t length);

/* Makes another session that holds the first `length` tokens of this one, whose keys and values are
 * not computed again: texts that begin alike. They are shared block by block, and only a block that
 * one of the two writes is copied. Each continues independently, and either may be freed first.
 * Fewer tokens than this one holds are as in cadre_session_truncate. */
CADRE_API cadre_status cadre_session_fork(
    cadre_session *from, int64_t length, int64_t capacity, cadre_session **session);

/* ---- many sequences in one pass ---- */

/* The working memory of passes that advance several sessions of one model together: each attends to
 * its own past, and the weights are read once for all. A session's results are the same bits
 * whatever else is in the pass, in whatever chunks its tokens come, and for any number of threads.
 * Borrows the model. One thread at a time may use it. CADRE_EBUSY: another thread computes with the
 * same model. */
typedef struct cadre_pass cadre_pass;

/* Allocates for passes of up to `tokens` tokens of up to `sessions` sessions, each of at most this
 * capacity.
 * Passes allocate nothing, except that the sessions' caches grow. */
CADRE_API cadre_status cadre_pass_new(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t capacity, cadre_pass **pass);
CADRE_API void cadre_pass_free(cadre_pass *pass);

/* A chunk of one sequence: the tokens that its session takes next. */
typedef struct cadre_pass_part {
    cadre_session *session; /* stands in one part of a pass */
    const int32_t *tokens;  /* [count] */
    int64_t count;          /* at least 1 */
    /* How many of these tokens logits are wanted of; 0: of none, as for all chunks of a prompt but
     * the last */
    int64_t row_count;
    const int64_t *rows; /* [row_count] which ones, 0 to count - 1; NULL: the last ones */
    cadre_status status; /* filled in: whether this part is possible */
} cadre_pass_part;

/* Runs one pass through the model. logits [sum of row_count, V] is the caller's memory for the
 * parts' rows, one after another; NULL: none are wanted. Everything is checked before anything is
 * done. If a part is impossible, such as one whose session has no room, its status says so, the
 * first such status is returned, and no session has changed. cadre_interrupt does not stop it. */
CADRE_API cadre_status cadre_pass_run(
    cadre_pass *pass, cadre_pass_part *parts, int64_t count, cadre_real *logits);

#ifdef __cplusplus
}
#endif
#endif
