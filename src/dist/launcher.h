/* launcher.h - finds out whether a launcher such as mpirun has started this process as one of
 * several, and loads the plug-in for its MPI. */
#ifndef CADRE_DIST_LAUNCHER_H
#define CADRE_DIST_LAUNCHER_H

#include <stdbool.h>

#include "base/status.h"
#include "dist/transport.h"

typedef struct launch {
    const char *flavour; /* static: "openmpi" or "mpich"; NULL: this process was started alone */
    int rank, size;      /* rank 0 of 1 for a process that was started alone */
    int local_size;      /* ranks on this machine; 0: unknown */
} launch;

launch launch_of_environment(void);

/* Opens the plug-in for that MPI, which lies beside cadre, and joins the other processes. Fails if
 * MPI reports another rank or number of ranks than the launcher set. */
cadre_status launch_join(const launch *l, transport *t);

#endif
