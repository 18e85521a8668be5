/* evaluate.h - texts as a measure of a model and of a run.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_EVALUATE_PUBLIC_H
#define CADRE_EVALUATE_PUBLIC_H

#include "cadre/model.h"
#include "cadre/train.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cadre_evaluation {
    size_t size; /* sizeof(cadre_evaluation) */
    int64_t bytes, tokens;
    double bits_per_byte, perplexity; /* bits per byte are of what is not an image */
    /* A model whose tokens are of several types, such as text and image, has one item for each
     * type */
    int32_t types; /* 0: all tokens are of one type */
    struct {
        const char *name; /* borrowed from the model */
        int64_t tokens;
        double bits_per_token; /* 0 without tokens */
    } type[CADRE_TOKEN_TYPES];
    /* A decoder with a router that chooses by later tokens reads from the future what is asked of
     * it. Of a sample of predictions, the bits of each in a window that goes on behind it, and in
     * one that ends there, as a prompt does */
    int64_t lookahead_tokens; /* the predictions; 0: no router looks ahead */
    double lookahead_bits, blind_bits;
} cadre_evaluation;

/* Hears how much of the work is done; NULL: not wanted */
typedef void (*cadre_progress_listener)(void *arg, int64_t done, int64_t total);

/* Measures how well the model predicts a text, in windows that overlap by half, so that every token
 * after the first half window has at least half a window before it. The first token is charged log2
 * V bits. context: tokens of a window, at most the model's own; 0: the model's own, or 2048 if that
 * is more. progress counts tokens.
 *
 * A model with an encoder predicts spans that are masked in the text, as in its training: 15 % of
 * each window of `context` tokens (0: its own, or 512 where that is more), in spans of 3 tokens on
 * average, which are the same at every call. Then bytes are those of the spans, and tokens those
 * that the decoder predicted: the spans', the sentinels before them and the ends. */
CADRE_API cadre_status cadre_evaluate(cadre_model *model, const char *text, size_t size,
    int64_t context, cadre_progress_listener progress, void *arg, cadre_evaluation *result);

/* Analyses a finished run on its held-out texts: bits per byte, load by domain and expert, passages
 * with their experts, and a sample in each domain. Writes these to analysis.json in the run's
 * folder. */
CADRE_API cadre_status cadre_analyse(
    cadre_context *context, const char *run, const cadre_train_listener *listener);

/* Does the same for a run that trained an adapter: `run` is its folder, and `model` the folder or
 * file of the model that it stands beside. */
CADRE_API cadre_status cadre_analyse_adapter(cadre_context *context, const char *model,
    const char *run, const cadre_train_listener *listener);

#ifdef __cplusplus
}
#endif
#endif
