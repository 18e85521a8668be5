/* logprobs.h - how likely tokens were, as a model's logits say before a sampler changes them: of
 * the token that came, and of those that were the most likely. */
#ifndef CADRE_INFER_LOGPROBS_H
#define CADRE_INFER_LOGPROBS_H

#include "cadre/batcher.h"
#include "base/real.h"

enum { LOGPROBS_MOST = 20 }; /* of the most likely tokens */

typedef struct logprobs {
    int64_t room; /* positions; 0: nothing is kept */
    int32_t top;
    float *token;        /* [room] */
    cadre_logprob *best; /* [room, top] the most likely first, of equal ones the lower id */
} logprobs;

cadre_status logprobs_open(int64_t room, int32_t top, logprobs *l);
void logprobs_close(logprobs *l);

/* Position `at`: `token` came where the logits [V] were these, which are numbers. */
void logprobs_take(logprobs *l, int64_t at, const real *logits, int64_t vocab, int32_t token);

#endif
