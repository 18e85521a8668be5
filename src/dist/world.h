/* world.h - the communicator of all ranks over a transport, and the communicators that are split
 * from it. */
#ifndef CADRE_DIST_WORLD_H
#define CADRE_DIST_WORLD_H

#include "dist/group.h"

/* Opens a world, which must not be moved afterwards. Copies the transport. All ranks call it. */
cadre_status world_open(const transport *t, world *w);
/* Called before the process leaves the transport. */
void world_close(world *w);

/* Sets for how many seconds a rank may be silent; 0: for ever. */
void world_limit(world *w, double seconds);

#endif
