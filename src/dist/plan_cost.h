/* plan_cost.h - the cost model of layouts: the time of a pass or a training step, and the memory of
 * a rank. It rests on five numbers: a machine's memory, bandwidth and flops, and its link's latency
 * and bandwidth. */
#ifndef CADRE_DIST_PLAN_COST_H
#define CADRE_DIST_PLAN_COST_H

#include "base/layout.h"
#include "dist/cost.h"
#include "dist/plan_model.h"

typedef struct plan_machine {
    double memory, bandwidth, flops; /* bytes; bytes per second; operations per second */
    link_cost link;
} plan_machine;

enum {
    PLAN_PROCESS = 24000000, /* bytes of a process that has opened no model */
    PLAN_COPY_EACH_RANK = -1
};

typedef enum plan_purpose { PLAN_TRAIN, PLAN_DECODE, PLAN_PREFILL } plan_purpose;

typedef struct plan_work {
    plan_purpose purpose;
    double streams; /* decoding: sequences that are decoded at the same time */
    double batch;   /* training: sequences in a step */
    double context; /* tokens in a sequence, or in a prompt */
    /* Training: bytes that one rank would need for the whole batch, beside parameters, gradients
     * and moments */
    double activations;
    double accumulate; /* training: micro-batches of a step; 0: one of each leaf of a rank */
    /* Running: further copies of experts in each layer, or PLAN_COPY_EACH_RANK: as many as there
     * are ranks that divide the experts */
    double replicas;
} plan_work;

typedef struct plan_cost {
    /* seconds of a pass, which yields `tokens`, or of a training step */
    double compute, communication;
    double tokens, memory;
} plan_cost;

/* Why a layout is impossible, static; NULL: it is possible. */
const char *plan_refusal(const plan_model *m, const plan_work *w, const rank_layout *l);
plan_cost plan_cost_of(
    const plan_model *m, const plan_machine *machine, const plan_work *w, const rank_layout *l);

/* The expected load of the busiest rank when one token picks `picks` different experts at random
 * out of `experts` that are divided evenly among `ranks`. */
double plan_expected_max_load(int experts, int picks, int ranks);

#endif
