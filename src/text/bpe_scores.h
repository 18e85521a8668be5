/* bpe_scores.h - scores of pieces with which merging by score gives the ids that a list of rules
 * gives.
 *
 * By rule, a pair of neighbours merges if the list has it; by score, any two neighbours that spell
 * a piece do. What two tokens in a row spell was cut in that way alone, whatever stood around them:
 * no merge has crossed its ends, so its own merges ran as they run for it alone. A piece is thus
 * only ever made of the one pair that its own encoding ends with, and the rank of that last merge,
 * negated, is its score. The two differ only where encoding a piece stops at two tokens, which a
 * score would join. */
#ifndef CADRE_TEXT_BPE_SCORES_H
#define CADRE_TEXT_BPE_SCORES_H

#include "text/bpe.h"

/* scores: [vocabulary->size]. *same: the ids of every text are the same, where all bytes have a
 * piece. */
cadre_status bpe_scores(const bpe *b, float *scores, bool *same);

#endif
