/* stage.h - one pass through a model that ranks share: residuals go from stage to stage of a
 * pipeline, and what is wanted of later stages comes to rank 0. Without ranks it is the transformer
 * alone. */
#ifndef CADRE_INFER_STAGE_H
#define CADRE_INFER_STAGE_H

#include "model/model.h"
#include "model/transformer.h"

/* Who wants to see the plans of sparse layers; on ranks that follow, whether rank 0 does. */
typedef struct stage_watch {
    transformer_watch watch; /* NULL: nobody */
    void *arg;
    bool told; /* on a rank that follows: rank 0 wants them */
} stage_watch;

/* All ranks call it with the same batch. After the layers of this rank, rank 0 sees those of the
 * others. */
cadre_status stage_forward(
    const cadre_model *m, transformer *t, const token_batch *b, const stage_watch *watch);

/* Logits and losses of the last pass, which the last stage computes, come to rank 0; on the other
 * ranks the memory is scratch. */
void stage_logits(
    const cadre_model *m, transformer *t, const int64_t *rows, int64_t count, real *logits);
void stage_losses(
    const cadre_model *m, transformer *t, int64_t tokens, const int32_t *targets, real *losses);

#endif
