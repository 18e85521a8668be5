/* health.h - whether a run goes wrong in ways that only sparse layers do: experts that get no
 * tokens for many steps, and many tokens that are dropped. Each is reported once in a run. */
#ifndef CADRE_TRAIN_HEALTH_H
#define CADRE_TRAIN_HEALTH_H

#include "moe/balance.h"

typedef enum health_finding { HEALTH_DEAD = 1, HEALTH_DROPS = 2 } health_finding;

typedef struct health {
    /* [experts] picks that an even share would have brought since the last one; owned */
    int64_t *silent;
    int64_t experts; /* of all layers together; known after the first step */
    int64_t at;      /* the first expert of the next layer in this step */
    int64_t dead;    /* experts without a token for long, in the step that is counted */
    int64_t picks, dropped, steps; /* since drops were last looked at */
    double drop_share;             /* what was found */
    unsigned found;                /* findings so far */
} health;

cadre_status health_open(health *h, int64_t experts);
void health_close(health *h);

/* Counts the layers of a finished step, one after another. Then health_look returns what is new. */
void health_count(health *h, const balance_totals *layer);
unsigned health_look(health *h);

#endif
