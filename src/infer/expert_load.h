/* expert_load.h - how many tokens every expert has taken, pass by pass added up, and how far ahead
 * of the others the busiest was. */
#ifndef CADRE_INFER_EXPERT_LOAD_H
#define CADRE_INFER_EXPERT_LOAD_H

#include "arch/config.h"
#include "moe/plan.h"

typedef struct expert_load {
    const model_config *config; /* borrowed */
    int64_t layers, experts;    /* sparse layers S; E, the most of any */
    int64_t passes;
    int64_t *rows;          /* [S, E] */
    int64_t *largest;       /* [S] the most of any expert, each pass */
    int64_t *layer_experts; /* [S] E of each */
} expert_load;

cadre_status expert_load_open(expert_load *l, const model_config *config);
void expert_load_close(expert_load *l);

void expert_load_add(expert_load *l, int64_t layer, const plan *p);
void expert_load_copy(expert_load *to, const expert_load *from); /* both are of one model */

#endif
