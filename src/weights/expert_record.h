/* expert_record.h - what a source of experts reads for one expert: a few ranges of the model's
 * files.
 *
 * In a GGUF each matrix of an expert is one range of a tensor that all experts of the layer share;
 * in a folder it is usually a tensor of its own. A matrix whose blocks have scales in a second
 * tensor has two ranges. When a range is read to memory that starts at the same remainder modulo
 * 64, its elements are as well aligned as in the mapped file. */
#ifndef CADRE_WEIGHTS_EXPERT_RECORD_H
#define CADRE_WEIGHTS_EXPERT_RECORD_H

#include "weights/weights.h"

/* Gate, up and down, then their block scales */
enum { EXPERT_MATRICES = 3, EXPERT_RANGES = 2 * EXPERT_MATRICES };

typedef struct expert_record {
    file_range range[EXPERT_RANGES]; /* .bytes 0: there is none, or it is not streamed */
} expert_record;

typedef struct expert_records {
    expert_record *record;
    int64_t *first;     /* [layers] the record of expert 0 */
    int64_t most_bytes; /* of a record */
} expert_records;

cadre_status expert_records_make(const model_config *config, const param_table *table,
    const param_place *place, expert_records *records);
void expert_records_free(expert_records *r);

static inline const expert_record *expert_record_of(
    const expert_records *r, int64_t layer, int64_t expert)
{
    return &r->record[r->first[layer] + expert];
}

#endif
