/* hash_table.h - the tables from token ids to experts that a run begins with, for the routers hash,
 * hash-next and multi-hash (Roller et al. 2021). In which way ids are assigned to experts:
 *
 *     modulo      id i leads to experts i, i + 1 ..., modulo the number of experts
 *     random      every id leads to random experts, others in every layer
 *     balanced    frequent ids come first, each leads to the experts with the fewest tokens so far
 *     clustered   ids that the same tokens follow lead to the same expert: the nearest of E centres
 *     dispersed   the ids of each of these clusters are assigned to all experts in turn
 *
 * All but `modulo` are functions of the seed, `balanced` and the last two also of the texts.
 *
 * Router multi-hash has K segments of experts, and a table for each that leads to one expert. The
 * first table is as above; those of the others use other random numbers (random), take ids of
 * similar frequency in another order (balanced), or assign in another order (modulo, dispersed).
 * `clustered` is refused, because the clusters would be the same in all segments. */
#ifndef CADRE_TRAIN_HASH_TABLE_H
#define CADRE_TRAIN_HASH_TABLE_H

#include "arch/param.h"
#include "train/batches.h"

typedef struct hash_table_source {
    const char *const *kind; /* [kinds] as above: of each layer, or one of all */
    int kinds;
    const token_run *run;
    int runs;
    uint64_t seed;
} hash_table_source;

const char *hash_table_kind(int i); /* NULL: past the end */

/* Fills every hash table among the parameters' flat values. Refuses ids that are not in the
 * vocabulary. */
cadre_status hash_tables_fill(
    const hash_table_source *source, const param_table *table, real *values);

#endif
