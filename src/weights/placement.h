/* placement.h - where the parameters of an opened model are: in the mapped file if kernels can read
 * them there, otherwise in copies. Experts may also stay in the file until a source reads them.
 *
 * Copies are made of vectors, as `real`; of matrices that are transposed in the file, in their own
 * format; of matrices that are repacked; and of ranks' slices. */
#ifndef CADRE_WEIGHTS_PLACEMENT_H
#define CADRE_WEIGHTS_PLACEMENT_H

#include "cadre/model.h"
#include "kernel/compute.h"
#include "weights/tensor_use.h"
#include "weights/weight_file.h"
#include "weights/weights.h"

enum { PLACEMENT_FORMATS = 24 }; /* more than there are kinds that can be read */

typedef struct placement {
    param_place *place; /* [table->count] */
    uint8_t *copies;
    int64_t weight_bytes, copied_bytes; /* in the file; in copies */
    int64_t mapped_bytes;               /* of this rank's, read in place */
    int64_t repack_bytes;               /* that repacking takes, or would take */
    /* The bytes of matrices that were to be streamed but are laid out anew, and how files have
     * them */
    int64_t relaid_bytes;
    const char *relaid;                            /* static; NULL: there are none */
    cadre_format_share formats[PLACEMENT_FORMATS]; /* [format_count], most bytes first */
    int format_count;
} placement;

typedef struct placement_options {
    bool repack; /* repack the matrices that can be (weights/repacking.h) */
    bool stream; /* experts' matrices that kernels could read in the mapped file are streamed */
    /* A rank's whole share is in memory after it is placed, and nothing else: slices of matrices
     * are copied, because the pages of the map hold other ranks' rows too */
    bool hold;
} placement_options;

/* Adds the tensors that are used to `use`. Of a table that is a rank's share (rank_share.h), all
 * tensors are found, and what the rank holds is placed. */
cadre_status placement_make(const compute *c, const weight_file *file, const model_config *config,
    const param_table *table, const placement_options *options, tensor_use *use, placement *out);
void placement_free(placement *p);

#endif
