/* health.h - detects what goes wrong in sparse layers alone: experts that get no tokens for many
 * steps (dead experts), and many dropped picks. Each is reported once in a run. */
#ifndef CADRE_TRAIN_HEALTH_H
#define CADRE_TRAIN_HEALTH_H

#include "moe/balance.h"

typedef enum health_finding { HEALTH_DEAD = 1, HEALTH_DROPS = 2 } health_finding;

typedef struct health {
    /* [experts] picks that an even share would have brought since the last one; owned */
    int64_t *missed;
    int64_t experts;               /* of all layers together; known after the first step */
    int64_t at;                    /* the first expert of the layer that is counted next */
    int64_t dead;                  /* dead experts in the layers of this step so far */
    int64_t picks, dropped, steps; /* since drops were last looked at */
    double drop_share;             /* dropped picks / picks, over the last WINDOW steps */
    unsigned found;                /* the findings so far (health_finding) */
} health;

cadre_status health_open(health *h, int64_t experts);
void health_close(health *h);

/* Counts the layers of a finished step, one after another. Then health_check returns what is
 * new. */
void health_count(health *h, const balance_totals *layer);
unsigned health_check(health *h);

#endif
