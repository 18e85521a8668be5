/* ranks.h - what the public cadre_ranks is made of. */
#ifndef CADRE_DIST_RANKS_H
#define CADRE_DIST_RANKS_H

#include "cadre/ranks.h"
#include "dist/launcher.h"
#include "dist/world.h"

struct cadre_ranks {
    world world;
    char last_words[CONTROL_TEXT];
};

#endif
