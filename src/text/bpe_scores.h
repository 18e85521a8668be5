/* bpe_scores.h - scores of pieces with which merging by score gives the same ids as a list of
 * rules.
 *
 * By rule, two neighbours merge if the list has their pair; by score, any two neighbours that spell
 * a piece do. When two neighbouring tokens are merged by rule, no earlier merge crossed the ends of
 * what they spell, so the merges within it ran as they run when it is encoded alone. Therefore a
 * piece is only ever made from the one pair that its own encoding ends with, and its score is the
 * rank of that last merge, negated. For example, with the rules "l o", "lo w", "o w", the piece
 * "low" is made by rule 1 from "lo" and "w", and has the score -1. The two ways differ only where
 * the encoding of a piece stops at two tokens, which a score would join. */
#ifndef CADRE_TEXT_BPE_SCORES_H
#define CADRE_TEXT_BPE_SCORES_H

#include "text/bpe.h"

/* scores [vocabulary->size]. *same: every text gets the same ids either way, provided that all
 * bytes have a piece. */
cadre_status bpe_scores(const bpe *b, float *scores, bool *same);

#endif
