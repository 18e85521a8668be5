/* health.h - whether a run goes wrong in the ways that are peculiar to sparse layers: experts that
 * get no tokens for many steps, and tokens that are dropped in quantity. Each is found once a
 * run. */
#ifndef CADRE_TRAIN_HEALTH_H
#define CADRE_TRAIN_HEALTH_H

#include "moe/balance.h"

typedef enum health_finding { HEALTH_DEAD = 1, HEALTH_DROPS = 2 } health_finding;

typedef struct health {
    /* Picks that an even share would have brought since the last one; owned */
    int64_t *silent;
    int64_t experts; /* of all layers together, known after the first step */
    int64_t at;      /* the first of the layer to come, in this step */
    int64_t dead;    /* experts that have gone without for long, in the step that is counted */
    int64_t picks, dropped, steps; /* since drops were looked at */
    double drop_share;             /* what was found */
    unsigned found;                /* findings, told or not */
} health;

cadre_status health_open(health *h, int64_t experts);
void health_close(health *h);

/* Layer after layer of a step that is through; then what it shows for the first time. */
void health_count(health *h, const balance_totals *layer);
unsigned health_look(health *h);

#endif
