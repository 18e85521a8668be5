/* evaluate.h - how well a model predicts a text: overlapping windows, many at a time. */
#ifndef CADRE_INFER_EVALUATE_H
#define CADRE_INFER_EVALUATE_H

#include "model/model.h"
#include "model/transformer.h"

/* Of the tokens of one type. */
typedef struct type_losses {
    int64_t tokens;
    double nats;
} type_losses;

/* What is told of a run. */
typedef struct evaluation_watch {
    /* Before each batch of windows: where each of its tokens stands in the text, -1 where an
     * earlier window has had it. The array stays as it is until the next call. NULL: none. */
    void (*places)(void *layer_arg, const int64_t *place, int64_t tokens);
    transformer_watch layer; /* after each sparse layer of each batch of windows; NULL: none */
    void *layer_arg;
    struct type_losses *by_type; /* [types.count] filled in; NULL: not wanted */
    const int32_t *uncounted;    /* a token that costs nothing where it is predicted; NULL: none */
    cadre_progress_listener progress; /* after each batch, in tokens; NULL: none */
    void *progress_arg;
} evaluation_watch;

/* nats: the sum over all tokens of -log p; the first token, which nothing precedes, costs log V.
 * Windows of `context` tokens (0: the model's own, or 2048 where that is more) overlap by half. */
cadre_status evaluate_tokens(cadre_model *model, const int32_t *tokens, int64_t count,
    int64_t context, const evaluation_watch *watch, double *nats);

/* Of a text of so many bytes whose tokens took so many nats: of what in it is not of pictures. */
double evaluate_bits_per_byte(const cadre_model *model, const tokenizer *t, const token_list *ids,
    size_t size, const type_losses *by_type, double nats);

#endif
