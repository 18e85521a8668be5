/* world.h - the communicator of all ranks over a transport, and those that are split from it. */
#ifndef CADRE_DIST_WORLD_H
#define CADRE_DIST_WORLD_H

#include "dist/group.h"

/* Opens it in the place where it stays. Copies the transport; all ranks call it. */
cadre_status world_open(const transport *t, world *w);
/* Before the process leaves the transport. */
void world_close(world *w);

/* Seconds that a rank may be silent; 0: for ever */
void world_limit(world *w, double seconds);

#endif
