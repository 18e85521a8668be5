/* slot_layout.h - how one expert lies in a slot of memory, and which reads bring it there.
 *
 * The pages of its file ranges are read whole, so each range begins in the slot at the same place
 * within a page as in the file. Ranges whose pages are neighbours are one piece, which is read at
 * once and keeps them as they lie: gate and up that are one matrix in the file are one here.
 *
 *     file   |....gggggg|gggguuuu|uuuuuuuu|u.......|      ...|..dddddd|dddd....|
 *     slot   |....gggggg|gggguuuu|uuuuuuuu|u.......|..dddddd|dddd....|
 *             piece 0                               piece 1                      */
#ifndef CADRE_STORE_SLOT_LAYOUT_H
#define CADRE_STORE_SLOT_LAYOUT_H

#include "weights/expert_record.h"

typedef struct slot_piece {
    size_t file;
    int64_t offset, bytes; /* whole pages */
    int64_t least;         /* up to the last byte that is wanted */
    int64_t at;            /* in the slot */
} slot_piece;

typedef struct slot_layout {
    int pieces;
    slot_piece piece[EXPERT_RANGES];
    int64_t at[EXPERT_RANGES]; /* where each range begins in the slot; -1: there is none */
    int64_t bytes;             /* of the slot */
} slot_layout;

void slot_layout_of(const expert_record *r, slot_layout *layout);

#endif
