/* replay.h - picks to try policies on: made up, or of a real model's recording. */
#ifndef CADRE_TESTS_REPLAY_H
#define CADRE_TESTS_REPLAY_H

#include <stdbool.h>

#include "store/replay.h"

typedef struct replay_picks {
    replay replay;
    int32_t layers, experts; /* of a layer */
    int32_t *first, *layer, *picks;
    int64_t *start;
} replay_picks;

/* Tokens that keep to a subject for a while, which prefers some experts of every layer. */
void replay_make(int64_t tokens, int32_t layers, int32_t experts, int32_t topk, replay_picks *r);
/* {"tok", "layers": [[id, ...], ...]} a line, in the folder that CADRE_TRACES names; false: there
 * is none. Of layers of 64 experts. */
bool replay_open_recording(const char *name, replay_picks *r);
void replay_close(replay_picks *r);

double replay_policy(const replay_picks *r, const policy_row *row, int32_t slots); /* hit rate */
double replay_best(const replay_picks *r, int32_t slots);

#endif
