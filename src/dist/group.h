/* group.h - a communicator's ranks by their numbers in the transport, for the methods that exchange
 * messages among them. */
#ifndef CADRE_DIST_GROUP_H
#define CADRE_DIST_GROUP_H

#include "base/comm.h"
#include "dist/cost.h"
#include "dist/endpoint.h"

/* Working memory that all calls share. It grows when needed and is kept. */
typedef struct scratch {
    char *data; /* [size] */
    size_t size;
} scratch;

/* State that all communicators of a process share. */
typedef struct world {
    transport transport;
    control control;
    endpoint endpoint;
    comm comm;
    scratch scratch;
    int next_tag; /* the tag that the next communicator split off will get */
} world;

typedef struct group {
    world *world;
    int tag;     /* the tag of its messages */
    int *member; /* [size] the world rank of each of its ranks */
    /* How many neighbouring ranks share each machine; 1: none do, or not all machines have the same
     * number */
    int per_node;
} group;

static inline const group *group_of(const comm *c) { return c->state; }
static inline endpoint *endpoint_of(const comm *c) { return &group_of(c)->world->endpoint; }

/* Begin a message to or from rank r of communicator c, between endpoint_begin and endpoint_wait. */
static inline void group_send(const comm *c, int r, const void *data, size_t bytes)
{
    endpoint_send(endpoint_of(c), group_of(c)->member[r], group_of(c)->tag, data, bytes);
}
static inline void group_receive(const comm *c, int r, void *data, size_t bytes)
{
    endpoint_receive(endpoint_of(c), group_of(c)->member[r], group_of(c)->tag, data, bytes);
}

/* Sends one message and receives another at the same time; rank -1: no message. */
cadre_status group_exchange(const comm *c, const comm_message *m);

/* At least this many bytes of working memory, whose contents other calls overwrite. NULL: out of
 * memory, and the last error is set. */
void *group_scratch(const comm *c, size_t bytes);

fabric group_fabric(const comm *c);

#endif
