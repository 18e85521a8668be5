/* hash_table.h - routers hash, hash-next and multi-hash: the tables of token ids that a run begins
 * with (Roller et al. 2021).
 *
 *     modulo      id i leads to experts i, i + 1 ..., counted from 0 again behind the last
 *     random      to experts drawn for it, other ones in every layer
 *     balanced    frequent ids first, each to the experts that have the fewest tokens so far
 *     clustered   ids that the same tokens follow lead to the same expert: the nearest of E centres
 *     dispersed   the same clusters, whose ids are dealt out to all experts in turn
 *
 * All but `modulo` are functions of the seed, `balanced` and the last two also of the texts.
 *
 * Router multi-hash has K runs of experts and a table of one expert for each. The first is as
 * above; the others are drawn anew (random), take ids of like frequency in another order
 * (balanced), or deal out in another order (modulo, dispersed). Clusters would be the same in all
 * (clustered). */
#ifndef CADRE_TRAIN_HASH_TABLE_H
#define CADRE_TRAIN_HASH_TABLE_H

#include "arch/param.h"
#include "train/batches.h"

typedef struct hash_table_source {
    const char *kind; /* as above */
    const token_run *run;
    int runs;
    uint64_t seed;
} hash_table_source;

const char *hash_table_kind(int i); /* NULL: past the end */

/* Fills every table among the parameters' flat values. Ids of the runs must be in the vocabulary.
 */
cadre_status hash_tables_fill(
    const hash_table_source *source, const param_table *table, real *values);

#endif
