/* all_to_all.h - THE LIST of methods by which all ranks exchange rows with each other. Each method
 * has a cost function, and the cheapest one is chosen. All methods deliver the same bytes. */
#ifndef CADRE_DIST_ALL_TO_ALL_H
#define CADRE_DIST_ALL_TO_ALL_H

#include "dist/group.h"

typedef struct all_to_all_method {
    const char *name, *help;
    /* Its messages also carry blocks for other ranks than their receivers, so all ranks must know
     * the size of a block (comm_rows.pair) */
    bool blocks;
    bool nodes; /* it needs several ranks on each machine */
    /* seconds; bytes: those that each pair of ranks exchanges */
    double (*cost)(const fabric *f, double bytes);
    cadre_status (*exchange)(comm *c, const comm_rows *rows);
} all_to_all_method;

extern const all_to_all_method all_to_all_direct, all_to_all_pairwise, all_to_all_bruck,
    all_to_all_nodes;
extern const all_to_all_method *const all_to_all_methods[]; /* THE LIST, NULL after the last */

/* The cheapest method that can exchange these rows. */
const all_to_all_method *all_to_all_choose(const comm *c, const comm_rows *rows);
/* The cheapest method for blocks of this many bytes. */
const all_to_all_method *all_to_all_cheapest(const fabric *f, double bytes, bool blocks_known);

/* ---- blocks: the number of rows for a rank, then the rows; all pairs have the same size ---- */

size_t block_bytes(const comm_rows *rows);
void block_pack(const comm_rows *rows, int to, char *block);
void block_unpack(const comm_rows *rows, int from, const char *block);
/* Copies the rows that this rank sends to itself. */
void all_to_all_copy_own(const comm *c, const comm_rows *rows);

static inline size_t rows_bytes(const int64_t *first, int r, size_t row)
{
    return (size_t)(first[r + 1] - first[r]) * row;
}

#endif
