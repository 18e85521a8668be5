/* traffic.h - the bytes of weights that a pass through the model reads: all dense weights once, and
 * the experts that got a row, also once, for any number of rows. */
#ifndef CADRE_BENCH_TRAFFIC_H
#define CADRE_BENCH_TRAFFIC_H

#include "cadre/model.h"
#include "model/model.h"

typedef struct traffic {
    const cadre_model *model;
    /* Bytes of a pass: every weight that is not an expert's. The embedding counts only where it is
     * also the head. */
    int64_t dense;
    int64_t *expert;      /* [layers] bytes of one expert of a sparse layer */
    int64_t experts_read; /* bytes of experts that were read since it was last set to 0 */
} traffic;

cadre_status traffic_open(const cadre_model *model, traffic *t);
void traffic_close(traffic *t);
void traffic_watch(void *t, int64_t layer, const plan *p); /* a transformer_watch that counts */

#endif
