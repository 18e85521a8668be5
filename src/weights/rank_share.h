/* rank_share.h - what one of several ranks that run a model holds of its parameters.
 *
 *     layers     those of its stage of a pipeline; the first stage has the embedding, the last the
 *                output matrix
 *     experts    one of several groups of neighbouring experts of every sparse layer
 *     slice      neighbouring rows of the matrices that THE LIST of parameters cuts
 *
 * The rest, such as norms and routers, every rank of a stage has. A share is of views: a rank that
 * never reads an element of a mapped file never has it in memory. */
#ifndef CADRE_WEIGHTS_RANK_SHARE_H
#define CADRE_WEIGHTS_RANK_SHARE_H

#include "arch/param.h"
#include "moe/spread.h"

typedef struct rank_share {
    int32_t slice, slices;
    int32_t group, groups;
    int64_t first, end; /* layers */
    const expert_spread
        *placed; /* [layers] which groups have an expert; NULL: runs of neighbours */
} rank_share;

/* Refuses more parts than the model has of what is divided; the sentence names the way. */
cadre_status rank_share_check(const model_config *config, const rank_share *share);

/* The table with the rows (of a vector: elements) that the rank holds of each parameter: none of
 * one that it does not hold, which has rows 0. `whole` and `first` say of what they are a part. */
cadre_status rank_share_table(
    const model_config *config, const rank_share *share, const param_table *whole, param_table *t);

/* The parameter of which p is a part */
param rank_share_whole(const param *p);

/* Lets the mixers have the rank's heads alone, and those of other stages nothing to keep. Routers
 * and feed-forwards are described whole. */
void rank_share_mixers(const rank_share *share, model_config *config);

#endif
