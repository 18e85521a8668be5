/* evaluate_spans.h - how well a model with an encoder predicts what was taken out of a text: spans
 * of it, as in its training (text/span_corruption.h). */
#ifndef CADRE_INFER_EVALUATE_SPANS_H
#define CADRE_INFER_EVALUATE_SPANS_H

#include "cadre/evaluate.h"
#include "model/model.h"

/* What was predicted, and what that cost. */
typedef struct span_evaluation {
    int64_t tokens; /* sentinels and ends included */
    int64_t bytes;  /* of the text that was taken out */
    double nats;
} span_evaluation;

/* Windows of `context` tokens (0: the model's own, or 512 where that is more), one behind the
 * other; of each 15 % are taken out in spans of 3 tokens on average, a function of the window's
 * number. progress: in tokens of the text. */
cadre_status evaluate_spans(cadre_model *model, const int32_t *tokens, int64_t count,
    int64_t context, cadre_progress_listener progress, void *arg, span_evaluation *e);

#endif
