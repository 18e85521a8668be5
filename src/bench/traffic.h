/* traffic.h - the bytes of weights that passes through a model read: all of the dense ones once a
 * pass, of the experts those that got a row, once however many rows they got. */
#ifndef CADRE_BENCH_TRAFFIC_H
#define CADRE_BENCH_TRAFFIC_H

#include "model/model.h"

typedef struct traffic {
    const cadre_model *model;
    /* Of a pass: every weight that is not an expert's; the embedding only where it is the head
     * too */
    int64_t dense;
    int64_t *expert;      /* [layers] of one expert of a sparse layer */
    int64_t experts_read; /* bytes of experts, since it was last set to 0 */
} traffic;

cadre_status traffic_open(const cadre_model *model, traffic *t);
void traffic_close(traffic *t);
void traffic_watch(void *t, int64_t layer, const plan *p); /* a transformer_watch: counts */

#endif
