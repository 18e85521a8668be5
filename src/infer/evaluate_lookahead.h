/* evaluate_lookahead.h - what a model reads from the future of a text, where a router chooses a
 * token's experts by tokens behind it: predictions with these tokens and without them. */
#ifndef CADRE_INFER_EVALUATE_LOOKAHEAD_H
#define CADRE_INFER_EVALUATE_LOOKAHEAD_H

#include "model/model.h"

typedef struct lookahead_evaluation {
    int64_t tokens; /* that were predicted in both ways */
    /* The sums of their losses: in the whole window, and in one that ends where the prediction is
     * made, as a prompt does */
    double nats_with, nats_without;
} lookahead_evaluation;

/* Whether a router of the decoder depends on later tokens */
bool evaluate_looks_ahead(const cadre_model *model);

/* Takes up to 256 predictions in windows of `context` tokens, evenly spread over the text, in the
 * second half of each window. Without a router that looks ahead, both sums are the same bits. */
cadre_status evaluate_lookahead(cadre_model *model, const int32_t *tokens, int64_t count,
    int64_t context, lookahead_evaluation *e);

#endif
