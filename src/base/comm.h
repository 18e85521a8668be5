/* comm.h - the communicator: what ranks do together, as a table of functions.
 *
 * One rank, threads in a test, or MPI: the layer above sees this table alone, so there is one code
 * path for all. */
#ifndef CADRE_BASE_COMM_H
#define CADRE_BASE_COMM_H

#include <stdint.h>

#include "base/real.h"
#include "base/status.h"

typedef struct comm comm;
struct comm {
    int rank, size;
    void *state;
    /* In place, over ranks */
    cadre_status (*sum_counts)(const comm *c, int64_t *values, int64_t count);
    cadre_status (*sum_reals)(const comm *c, real *values, int64_t count); /* in rank order */
    cadre_status (*broadcast)(const comm *c, void *data, int64_t bytes, int root);
    cadre_status (*barrier)(const comm *c);
};

const comm *comm_self(void); /* the world of one rank: every operation is the identity */

#endif
