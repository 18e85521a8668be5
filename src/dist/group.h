/* group.h - a communicator's ranks as the transport knows them, for the methods that exchange
 * messages among them. */
#ifndef CADRE_DIST_GROUP_H
#define CADRE_DIST_GROUP_H

#include "base/comm.h"
#include "dist/cost.h"
#include "dist/port.h"

/* Memory that calls work in; it grows, and stays. */
typedef struct scratch {
    char *data; /* [size] */
    size_t size;
} scratch;

/* What all communicators of a process share */
typedef struct world {
    transport transport;
    control control;
    port port;
    comm comm;
    scratch scratch;
    int next_tag; /* of the next communicator that is split off */
} world;

typedef struct group {
    world *world;
    int tag;     /* of its messages */
    int *member; /* [size] its ranks' numbers in the world */
    /* Neighbouring ranks so many at a time share a machine; 1: they do not, or not regularly */
    int per_node;
} group;

static inline const group *group_of(const comm *c) { return c->state; }
static inline port *port_of(const comm *c) { return &group_of(c)->world->port; }

/* Begins one message of the communicator c, to or from its rank r, between port_begin and
 * port_wait. */
static inline void group_send(const comm *c, int r, const void *data, size_t bytes)
{
    port_send(port_of(c), group_of(c)->member[r], group_of(c)->tag, data, bytes);
}
static inline void group_receive(const comm *c, int r, void *data, size_t bytes)
{
    port_receive(port_of(c), group_of(c)->member[r], group_of(c)->tag, data, bytes);
}

/* One message to a rank and one from a rank, at once; -1: none */
cadre_status group_exchange(const comm *c, const comm_message *m);

/* At least so many bytes, which other calls use too; NULL: out of memory, with the last error
 * set. */
void *group_scratch(const comm *c, size_t bytes);

fabric group_fabric(const comm *c);

#endif
