/* rank_share.h - what one of several ranks that run a model holds of its parameters.
 *
 *     layers     those of its stage of a pipeline; the first stage has the embedding, the last the
 *                output matrix
 *     experts    one of several groups of neighbouring experts of every sparse layer
 *     slice      neighbouring rows of the matrices that THE LIST of parameters cuts
 *
 * Every rank of a stage has the rest, such as norms and routers. A share consists of views: what a
 * rank never reads of a mapped file is not in its memory. */
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

/* Refuses more ranks than the model has heads, experts or layers to divide. */
cadre_status rank_share_check(const model_config *config, const rank_share *share);

/* Makes the table with the rows (for a vector, elements) that the rank holds of each parameter;
 * rows 0: it holds none. `whole` and `first` of a row say which part of the parameter it is. */
cadre_status rank_share_table(
    const model_config *config, const rank_share *share, const param_table *whole, param_table *t);

/* The whole parameter of which p is a part */
param rank_share_whole(const param *p);

/* Gives the mixers the rank's heads alone, and marks those of other stages, which keep no state.
 * Routers and feed-forwards are described as a whole. */
void rank_share_mixers(const rank_share *share, model_config *config);

#endif
