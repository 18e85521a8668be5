/* slot_layout.c - sorts an expert's file ranges by file and offset, and joins neighbours. */
#include "store/slot_layout.h"

#include "base/direct_file.h"

static bool is_before(const file_range *a, const file_range *b)
{
    return a->file == b->file ? a->offset < b->offset : a->file < b->file;
}

/* Lists the ranges that are not empty in the order of file and offset; returns how many. */
static int sort_ranges(const expert_record *r, int order[EXPERT_RANGES])
{
    int count = 0;
    for (int i = 0; i < EXPERT_RANGES; i++) {
        if (!r->range[i].bytes) continue;
        int at = count++;
        for (; at && is_before(&r->range[i], &r->range[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

/* The piece that the range is in: the last one, which becomes longer, or a new one */
static slot_piece *piece_for(slot_layout *l, const file_range *range)
{
    int64_t begin = direct_page_down(range->offset),
            end = direct_page_up(range->offset + range->bytes);
    slot_piece *last = l->pieces ? &l->piece[l->pieces - 1] : NULL;
    if (!last || last->file != range->file || begin > last->offset + last->bytes) {
        last = &l->piece[l->pieces++];
        *last = (slot_piece){ .file = range->file, .offset = begin, .at = l->bytes };
    }
    if (end - last->offset > last->bytes) last->bytes = end - last->offset;
    if (range->offset + range->bytes - last->offset > last->least)
        last->least = range->offset + range->bytes - last->offset;
    l->bytes = last->at + last->bytes;
    return last;
}

void slot_layout_of(const expert_record *r, slot_layout *layout)
{
    int order[EXPERT_RANGES];
    *layout = (slot_layout){ 0 };
    for (int i = 0; i < EXPERT_RANGES; i++) layout->at[i] = -1;
    int count = sort_ranges(r, order);
    for (int i = 0; i < count; i++) {
        const file_range *range = &r->range[order[i]];
        const slot_piece *piece = piece_for(layout, range);
        layout->at[order[i]] = piece->at + range->offset - piece->offset;
    }
}
