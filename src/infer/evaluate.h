/* evaluate.h - how well a model predicts a text: overlapping windows, many at a time. */
#ifndef CADRE_INFER_EVALUATE_H
#define CADRE_INFER_EVALUATE_H

#include "model/model.h"
#include "model/transformer.h"

/* Called with each batch of windows that were run: `scored` [sequences] is the first token of each whose prediction counts. */
typedef struct evaluation_watch {
    transformer_watch layer; /* NULL: none */
    void *arg;
} evaluation_watch;

/* nats: the sum over all tokens of -log p; the first token, which nothing precedes, costs log V. Windows of `context` tokens
 * (0: the model's) overlap by half. */
cadre_status evaluate_tokens(cadre_model *model, const int32_t *tokens, int64_t count, int64_t context, evaluation_watch watch,
                             double *nats);

#endif
