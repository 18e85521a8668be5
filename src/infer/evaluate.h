/* evaluate.h - measures how well a model predicts a text, in overlapping windows, many at a
 * time. */
#ifndef CADRE_INFER_EVALUATE_H
#define CADRE_INFER_EVALUATE_H

#include "cadre/evaluate.h"
#include "model/model.h"
#include "model/transformer.h"

/* The sum of the losses of the tokens of one type. */
typedef struct type_losses {
    int64_t tokens;
    double nats;
} type_losses;

/* What is reported during an evaluation, and what else it is to compute. */
typedef struct evaluation_watch {
    /* Called before each batch of windows: the place of each of its tokens in the text, or -1 if an
     * earlier window had the token. The array stays unchanged until the next call. NULL: none. */
    void (*places)(void *layer_arg, const int64_t *place, int64_t tokens);
    transformer_watch layer; /* after each sparse layer of each batch of windows; NULL: none */
    void *layer_arg;
    struct type_losses *by_type;      /* [types.count] filled in; NULL: not wanted */
    const int32_t *uncounted;         /* a token whose prediction costs nothing; NULL: none */
    cadre_progress_listener progress; /* after each batch, in tokens; NULL: none */
    void *progress_arg;
} evaluation_watch;

/* nats: the sum of -log p over all tokens. The first token, which nothing precedes, costs log V.
 * Windows of `context` tokens (0: the model's own context, or 2048 if that is more) overlap by
 * half. */
cadre_status evaluate_tokens(cadre_model *model, const int32_t *tokens, int64_t count,
    int64_t context, const evaluation_watch *watch, double *nats);

/* Returns the bits per byte of a text of `size` bytes whose tokens cost `nats`, without its
 * images. */
double evaluate_bits_per_byte(const cadre_model *model, const tokenizer *t, const token_list *ids,
    size_t size, const type_losses *by_type, double nats);

#endif
