/* plan.h - what a cluster would do: layouts for a model on several machines, and recorded routes
 * replayed on ranks that are modelled.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_PLAN_PUBLIC_H
#define CADRE_PLAN_PUBLIC_H

#include "cadre/context.h"
#include "cadre/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- plans: how fast a model would run or train on several machines, and in what memory ---- */

typedef struct cadre_plan_layout {
    size_t size; /* filled in */
    int expert, data, pipeline, tensor;
    int64_t memory_bytes; /* of the rank that needs most */
    double tokens_per_second;
    double communication_fraction; /* the share of the time in which ranks wait for messages */
    bool fits;                     /* into a machine's memory */
    int blocks; /* of layers on each stage of the pipeline, which take turns: virtual=V */
} cadre_plan_layout;

/* What the plan rests on */
typedef struct cadre_plan_basis {
    size_t size; /* filled in */
    int machines;
    double memory;                       /* bytes of one */
    double bandwidth;                    /* bytes a second that one reads of weights */
    double flops;                        /* floating-point operations a second in matrix products */
    double link_bandwidth, link_latency; /* bytes a second; seconds of a short message */
    bool measured_bandwidth, measured_flops; /* on this machine, now */
} cadre_plan_basis;

typedef struct cadre_plan_listener {
    size_t size;                                                /* sizeof(cadre_plan_listener) */
    void (*basis)(void *arg, const cadre_plan_basis *basis);    /* NULL: not wanted */
    void (*layout)(void *arg, const cadre_plan_layout *layout); /* best first */
    void *arg;
} cadre_plan_listener;

/* Plans for `model` (a folder, a GGUF file, or a config.json alone, whose weights are taken to have
 * --weight-bits bits), or for the recipe that the options name. The options are those of run,
 * model, routing, train and plan in one object. */
CADRE_API cadre_status cadre_plan(cadre_context *context, const char *model, cadre_options *options,
    const cadre_plan_listener *listener);
CADRE_API cadre_option_table cadre_plan_options(void);

/* ---- simulation ---- */

typedef struct cadre_simulation {
    size_t size; /* sizeof(cadre_simulation) */
    int ranks;
    double load_max_over_mean; /* rows of the busiest rank / mean, mean over layers and batches */
    double bytes_per_token;    /* that cross between ranks */
    double seconds_per_token;
} cadre_simulation;

/* Replays a recording of routes (--routes), or the loads of a training run's steps (its folder, or
 * its metrics), on ranks that hold the experts as --placement says. The options are those of
 * cadre_simulate_options. */
CADRE_API cadre_status cadre_simulate(
    const char *recording, const cadre_options *options, cadre_simulation *result);
CADRE_API cadre_option_table cadre_simulate_options(void);

#ifdef __cplusplus
}
#endif
#endif
