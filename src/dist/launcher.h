/* launcher.h - whether a launcher has started this process as one of several, and the plug-in for
 * its MPI. */
#ifndef CADRE_DIST_LAUNCHER_H
#define CADRE_DIST_LAUNCHER_H

#include <stdbool.h>

#include "base/status.h"
#include "dist/transport.h"

typedef struct launch {
    const char *flavour; /* static: "openmpi" or "mpich"; NULL: nobody has started several */
    int rank, size;      /* 0 of 1 where nobody has */
    int local_size;      /* ranks on this machine; 0: not known */
} launch;

launch launch_of_environment(void);

/* Opens the plug-in of that flavour, which lies beside cadre, and joins the others. Refuses one
 * that finds other ranks than the launcher started. */
cadre_status launch_join(const launch *l, transport *t);

#endif
