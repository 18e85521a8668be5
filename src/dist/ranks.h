/* ranks.h - the contents of the public type cadre_ranks. */
#ifndef CADRE_DIST_RANKS_H
#define CADRE_DIST_RANKS_H

#include "cadre/ranks.h"
#include "dist/launcher.h"
#include "dist/world.h"

struct cadre_ranks {
    world world;
    char last_sentence[CONTROL_TEXT];
};

#endif
