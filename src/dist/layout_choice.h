/* layout_choice.h - all layouts of a number of ranks, and which of them would run a model fastest,
 * by the cost model of plan_cost.h. */
#ifndef CADRE_DIST_LAYOUT_CHOICE_H
#define CADRE_DIST_LAYOUT_CHOICE_H

#include "arch/config.h"
#include "base/comm.h"
#include "base/layout.h"
#include "kernel/context.h"

/* Visits every way to divide work among so many ranks: each product of four numbers of parts. */
void layouts_visit(int ranks, void (*visit)(void *arg, const rank_layout *l), void *arg);

/* Writes at most `most` layouts of all ranks of c, which is of group.h: those that fit in memory
 * first, then by the tokens per second of one sequence that is decoded, or of training. The
 * machines are not measured: every rank is assumed to read and compute as fast as an ordinary
 * machine, and links are those of group_fabric. Returns their number, 0 without memory. */
int layouts_by_cost(const comm *c, const model_config *config, const layout_work *work,
    rank_layout *best, int most);

#endif
