/* layout.h - how several ranks divide the work on one model, in four ways that multiply: experts,
 * sequences of a batch (data), blocks of layers (pipeline), rows of matrices and heads (tensor).
 * In a pipeline each rank may have several blocks (`virtual` stages), of which neighbours are on
 * neighbouring ranks.
 *
 * Neighbours in `tensor` exchange most and are neighbouring ranks; then come those in `expert`,
 * `data` and `pipeline`. */
#ifndef CADRE_BASE_LAYOUT_H
#define CADRE_BASE_LAYOUT_H

#include "base/status.h"

enum { LAYOUT_TEXT = 96, LAYOUT_CHUNKS = 16 };

/* How many parts in each way; or, of one rank, which part */
typedef struct rank_layout {
    int expert, data, pipeline, tensor;
    int chunks; /* blocks of layers of a part of the pipeline; 0: one */
} rank_layout;

static inline rank_layout layout_single(void) { return (rank_layout){ 1, 1, 1, 1, 1 }; }
static inline int layout_chunks(const rank_layout *l) { return l->chunks > 1 ? l->chunks : 1; }

/* Reads "expert=2,data=4": ways that are not named have one part, and the product must be `ranks`.
 * Errors are CADRE_EARGUMENT and name the option --parallel. */
cadre_status layout_parse(const char *text, int ranks, rank_layout *l);
void layout_text(
    const rank_layout *l, char text[LAYOUT_TEXT]); /* "expert=2,data=4", "" for one rank */

int layout_ranks(const rank_layout *l);
rank_layout layout_place(const rank_layout *l, int rank); /* which part in each way */
int layout_rank(const rank_layout *l, const rank_layout *place);

#endif
