/* slot_layout.h - where the matrices of one expert are in a slot, and which reads bring them there.
 *
 * Files are read in whole pages, so each file range begins in the slot at the same place within a
 * page as in the file. Ranges in neighbouring pages form one piece, which is read together and
 * keeps their distances: gate and up that are one matrix in the file are one matrix in the slot.
 *
 *     file   |....gggggg|gggguuuu|uuuuuuuu|u.......|      ...|..dddddd|dddd....|
 *     slot   |....gggggg|gggguuuu|uuuuuuuu|u.......|..dddddd|dddd....|
 *             piece 0                               piece 1 */
#ifndef CADRE_STORE_SLOT_LAYOUT_H
#define CADRE_STORE_SLOT_LAYOUT_H

#include "weights/expert_record.h"

typedef struct slot_piece {
    size_t file;
    int64_t offset, bytes; /* whole pages */
    int64_t least; /* bytes from `offset` to the end of the last range, which must be read */
    int64_t at;    /* where the piece begins in the slot */
} slot_piece;

typedef struct slot_layout {
    int pieces;
    slot_piece piece[EXPERT_RANGES];
    int64_t at[EXPERT_RANGES]; /* where each range begins in the slot; -1: there is none */
    int64_t bytes;             /* of the slot */
} slot_layout;

void slot_layout_of(const expert_record *r, slot_layout *layout);

#endif
